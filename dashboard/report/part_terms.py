"""Parts that a model keeps beside K, V and latents: as terms of a sum, and in words."""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core import units
from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.parts import MemoryPart, memory_parts


def parts_besides(model: ModelConfig, kv_format: str) -> Sequence[MemoryPart]:
    """Indexer keys, states and cross-attention caches: the parts after the groups of layers."""
    return memory_parts(model, kv_format)[len(model.layer_groups) :]


def besides_terms(model: ModelConfig, kv_format: str, context_len: int) -> list[str]:
    """One sequence's bytes of each such part: "15,616 B of indexer keys x 8192 tokens"."""
    return [_term(part, context_len) for part in parts_besides(model, kv_format)]


def part_name(part: MemoryPart) -> str:
    """The kind of a part, with what tells it apart: "state (state-space)"."""
    return f"{part.kind} ({part.detail})" if part.detail else part.kind


def part_keeps(part: MemoryPart) -> str:
    """A part in words: "61 layers keep 15.25 KiB of indexer keys per token"."""
    n_bytes, per = part.bytes_per_token, "token"
    if not n_bytes:
        n_bytes, per = part.bytes_per_sequence, "sequence"
    verb = "keeps" if part.n_layers == 1 else "keep"
    return (
        f"{units.count(part.n_layers, 'layer')} {verb} {units.capacity(n_bytes)} of "
        f"{part_name(part)} per {per}"
    )


def parts_sentence(parts: Sequence[MemoryPart], workload: Workload) -> str:
    """The parts of a workload and their sum: "token cache 1.00 GiB + state 12.00 MiB = ..."."""
    sizes = [part.bytes(workload) for part in parts]
    terms = (
        f"{part_name(part)} {units.capacity(size)}" for part, size in zip(parts, sizes, strict=True)
    )
    return f"{' + '.join(terms)} = {units.capacity(sum(sizes))}"


def _term(part: MemoryPart, context_len: int) -> str:
    if part.bytes_per_token:
        per_token = units.exact_bytes(part.bytes_per_token)
        return f"{per_token} of {part_name(part)} x {part.cached_tokens(context_len)} tokens"
    return f"{units.exact_bytes(part.bytes_per_sequence)} of {part_name(part)}"
