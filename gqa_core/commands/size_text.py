"""A size report as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from gqa_core import units
from gqa_core.configs import GroupedConfig
from gqa_core.theory.parts import MemoryPart
from gqa_core.theory.size import LayerKindSize, SizeReport, WeightNotes

__all__ = ["size_text"]


def size_text(report: SizeReport, kv_format: str) -> str:
    """A few lines: the model, the sizes of its cache, and what the figures rest on."""
    return "\n".join(
        [
            *_model_lines(report, kv_format),
            *_size_lines(report),
            *_gpu_lines(report),
            *_engine_lines(report),
            *_notes(report),
        ]
    )


def _model_lines(report: SizeReport, kv_format: str) -> Iterator[str]:
    variant = report.variant or (
        "states alone" if _keeps_states_alone(report) else "layers that differ"
    )
    yield f"{variant}, {units.count(report.n_layers, 'layer')}, {kv_format}"
    for kind in report.layers:
        yield f"  {_describe_kind(kind)}"


def _keeps_states_alone(report: SizeReport) -> bool:
    return report.state_bytes > 0 and report.state_bytes == report.total_bytes


def _size_lines(report: SizeReport) -> Iterator[str]:
    if _keeps_states_alone(report):
        yield "no K/V cache: only states are kept, so more tokens take no more memory"
    else:
        yield from _cache_lines(report)
    if len(report.parts) > 1 or report.total_bytes != report.kv_cache_bytes:
        for part in report.parts:
            yield f"  {_describe_part(part)}"
        yield f"everything: {units.binary_and_decimal(report.total_bytes)}"


def _cache_lines(report: SizeReport) -> Iterator[str]:
    total = units.binary_and_decimal(report.kv_cache_bytes)
    yield f"per token: {units.capacity(report.kv_bytes_per_token)}"
    yield f"total: {total}"
    if report.kv_cache_bytes_as_allocated != report.kv_cache_bytes:
        allocated = units.binary_and_decimal(report.kv_cache_bytes_as_allocated)
        yield f"as allocated: {allocated}, if every layer has room for the whole context"
    read = f"read per step: {units.binary_and_decimal(report.kv_read_bytes)}"
    reduction = report.reduction_vs_mha
    if reduction is not None and reduction > 1:
        read += f", {units.times(reduction)} less than MHA"
    yield read


def _describe_weights(weights: WeightNotes) -> str:
    """The weights beside the cache, or what to add up where the config leaves them open."""
    stored = f" in {weights.format}" if weights.format else ""
    if weights.bytes is None:
        return f"weights: not known{stored}: add up the sizes of the model's weight files"
    return f"weights: {units.decimal(weights.bytes)}{stored}, beside the cache"


def _describe_part(part: MemoryPart) -> str:
    """A part in words: its kind, its layers, and its bytes per token and per sequence."""
    text = f"{part.kind}, {units.count(part.n_layers, 'layer')}"
    if part.detail:
        text += f" ({part.detail})"
    sizes = []
    if part.bytes_per_token:
        sizes.append(f"{units.capacity(part.bytes_per_token)} per token")
    if part.bytes_per_sequence:
        sizes.append(f"{units.capacity(part.bytes_per_sequence)} per sequence")
    if part.cap is not None:
        sizes.append(f"at most {units.count(part.cap, 'token')}")
    return f"{text}: {', '.join(sizes)}"


def _gpu_lines(report: SizeReport) -> Iterator[str]:
    gpus = report.per_gpu
    if gpus is None:
        return
    per_gpu = units.binary_and_decimal(gpus.kv_cache_bytes_per_gpu)
    all_gpus = units.binary_and_decimal(gpus.kv_cache_bytes_all_gpus)
    in_all = f"; all {gpus.n_gpus} GPUs: {all_gpus}" if gpus.n_gpus > 1 else ""
    yield f"per GPU: {per_gpu}{in_all}"
    if gpus.kv_cache_bytes_as_allocated_per_gpu != gpus.kv_cache_bytes_per_gpu:
        allocated = units.binary_and_decimal(gpus.kv_cache_bytes_as_allocated_per_gpu)
        yield f"per GPU as allocated: {allocated}"
    if gpus.total_bytes_per_gpu != gpus.kv_cache_bytes_per_gpu:
        yield f"per GPU with all parts: {units.binary_and_decimal(gpus.total_bytes_per_gpu)}"
    yield f"copies of each K/V byte: {gpus.kv_copies}"
    if gpus.read_s_per_step is not None:
        yield f"shortest step: {units.duration(gpus.read_s_per_step)}, to read the cache of a GPU"
    if gpus.wire_bytes_per_step:
        step = units.binary_and_decimal(gpus.wire_bytes_per_step)
        layer = units.binary_and_decimal(gpus.wire_bytes_per_layer)
        yield f"sent per step and GPU, for attention: {step}; per layer: {layer}"


def _engine_lines(report: SizeReport) -> Iterator[str]:
    allocation = report.allocation
    if allocation is None:
        return
    per = "per GPU" if allocation.parallelism.world > 1 else "total"
    allocated = units.binary_and_decimal(allocation.gpu_bytes)
    difference = allocation.gpu_bytes - allocation.ideal_gpu_bytes
    sign = "+" if difference >= 0 else "-"
    yield (
        f"{allocation.engine} allocates: {allocated} {per}, "
        f"{sign}{units.capacity(abs(difference))} against the ideal"
    )
    for part in allocation.parts:
        sizes = f"{units.capacity(part.allocated_bytes)} per sequence"
        if part.allocated_bytes != part.ideal_bytes:
            sizes += f" (ideal {units.capacity(part.ideal_bytes)})"
        yield f"  {part.kind}: {sizes}"


def _notes(report: SizeReport) -> Iterator[str]:
    sections = {"warnings": report.warnings}
    if notes := report.notes:
        yield _describe_weights(notes.weights)
        sections = {
            "assumptions": notes.assumptions,
            "not counted": notes.not_counted,
            "ignored keys": notes.ignored_keys,
        } | sections
    for title, entries in sections.items():
        if entries:
            separator = ", " if title == "ignored keys" else "; "
            yield f"{title}: {separator.join(entries)}"


def _describe_kind(kind: LayerKindSize) -> str:
    text = f"{kind.count} {kind.kind}"
    if kind.window:
        text += f" of {kind.window} tokens"
    attention = kind.attention
    if attention is None:
        return text
    if not isinstance(attention, GroupedConfig):
        return f"{text}, latent of {attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    text += f", {attention.n_kv_heads} K/V heads of {attention.head_dim}"
    if attention.v_head_dim != attention.head_dim:
        text += f" and {attention.v_head_dim}"
    return text
