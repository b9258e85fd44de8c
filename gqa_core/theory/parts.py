"""Everything that a model keeps for its sequences, as a list of parts that add up to the total.

K and V or a latent are kept per token, in window layers up to the window. Beside them stand the
keys of a sparse indexer, states of constant size, and the K and V of an encoder's output. All
results are exact integers.

Indexer keys follow the format of K, except that formats of 8 and 4 bits without blocks of
their own keep them as the engines do: 8 bits, and an fp32 scale for every 128 elements.
Source: deepseek-ai/DeepSeek-V3.2-Exp, inference/model.py (Indexer.k_cache, k_scale_cache);
vllm-project/vllm, DeepseekV32IndexerCache (132 bytes for 128 elements).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, Workload
from gqa_core.theory.formats import key_value_formats
from gqa_core.theory.memory import layer_bytes_per_token

__all__ = [
    "MemoryPart",
    "PartKind",
    "engine_indexer_key_bytes",
    "indexer_bytes_per_token",
    "indexer_key_bytes",
    "memory_parts",
    "state_bytes",
    "total_bytes",
    "total_bytes_as_allocated",
]

PartKind = Literal[
    "token cache", "window cache", "latent", "indexer keys", "state", "cross-attention cache"
]
INDEXER_FORMATS = ("fp32", "bf16", "fp16")  # those and llama.cpp's; others keep engines' 8 bits
INDEXER_BLOCK, INDEXER_SCALE_BYTES = 128, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPart:
    """One part of what a model keeps: `n_layers` layers that keep the same.

    A sequence takes `bytes_per_sequence`, whatever its length, and `bytes_per_token` for each of
    its tokens, at most `cap` of them; None for all. `detail` tells parts of one kind apart.
    """

    kind: PartKind
    n_layers: int
    bytes_per_token: int = 0
    bytes_per_sequence: int = 0
    cap: int | None = None
    detail: str = ""

    def cached_tokens(self, context_len: int) -> int:
        """Tokens of a context that this part keeps, per sequence."""
        return context_len if self.cap is None else min(context_len, self.cap)

    def sequence_bytes(self, context_len: int) -> int:
        """Bytes of one sequence."""
        return self.bytes_per_sequence + self.bytes_per_token * self.cached_tokens(context_len)

    def bytes(self, workload: Workload) -> int:
        """Bytes of all sequences of a workload."""
        return workload.batch_size * self.sequence_bytes(workload.context_len)


@lru_cache(maxsize=256)  # one rerun of a page asks for the same a thousand times
def memory_parts(model: ModelConfig, kv_format: str) -> tuple[MemoryPart, ...]:
    """The parts of a model: its groups of layers in their order, then what they keep besides.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return tuple(_parts(model, kv_format))


def indexer_key_bytes(head_dim: int, kv_format: str) -> int:
    """Bytes of one indexer key.

    Raises:
        ValueError: the format is unknown.
    """
    key_format, _ = key_value_formats(kv_format)
    if key_format.name in INDEXER_FORMATS or key_format.whole_blocks:
        key_format.validate_width("index_head_dim", head_dim)
        return key_format.row_bytes(head_dim)
    return engine_indexer_key_bytes(head_dim)


def engine_indexer_key_bytes(head_dim: int) -> int:
    """Bytes of one indexer key as vLLM and SGLang keep it: fp8, an fp32 scale per 128 elements."""
    return head_dim - (-head_dim // INDEXER_BLOCK) * INDEXER_SCALE_BYTES


def indexer_bytes_per_token(model: ModelConfig, kv_format: str) -> int:
    """Bytes of indexer keys that all layers together store for one token.

    Raises:
        ValueError: the format is unknown.
    """
    return sum(
        keys.n_layers * indexer_key_bytes(keys.head_dim, kv_format) for keys in model.indexers
    )


def state_bytes(model: ModelConfig) -> int:
    """Bytes of all states of one sequence, however long it is."""
    return sum(state.n_layers * state.layer_bytes for state in model.states)


def total_bytes(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes of everything that the model keeps: all parts, all sequences.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return sum(part.bytes(workload) for part in memory_parts(model, kv_format))


def total_bytes_as_allocated(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes of everything that the model keeps if every cache has slots for the whole context.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    parts = (replace(part, cap=None) for part in memory_parts(model, kv_format))
    return sum(part.bytes(workload) for part in parts)


def _parts(model: ModelConfig, kv_format: str) -> Iterator[MemoryPart]:
    for group in model:
        yield MemoryPart(
            kind=_kind(group),
            n_layers=group.n_layers,
            bytes_per_token=group.n_caches * layer_bytes_per_token(group.attention, kv_format),
            cap=group.window,
            detail=f"{group.caches_per_layer} per layer" if group.caches_per_layer > 1 else "",
        )
    for keys in model.indexers:
        yield MemoryPart(
            kind="indexer keys",
            n_layers=keys.n_layers,
            bytes_per_token=keys.n_layers * indexer_key_bytes(keys.head_dim, kv_format),
        )
    for state in model.states:
        yield MemoryPart(
            kind="state",
            n_layers=state.n_layers,
            bytes_per_sequence=state.n_layers * state.layer_bytes,
            detail=state.kind,
        )
    for cross in model.cross_attention:
        source_bytes = layer_bytes_per_token(cross.attention, kv_format) * cross.source_len
        yield MemoryPart(
            kind="cross-attention cache",
            n_layers=cross.n_layers,
            bytes_per_sequence=cross.n_layers * source_bytes,
            detail=f"of {cross.source_len} source tokens",
        )


def _kind(group: LayerGroup) -> PartKind:
    if not isinstance(group.attention, GroupedConfig):
        return "latent"
    return "token cache" if group.window is None else "window cache"
