"""Tables of the cache by formula: sizes of the variants, parts of a layer, GPUs, contexts."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.cached_parts import describe_heads
from dashboard.report.columns import (
    BYTES,
    COUNT,
    GB,
    GB_4_DIGITS,
    GIB,
    KIB,
    MIB,
    PERCENT_3_DIGITS,
    PLAIN,
    TIMES,
    TOKENS_TEXT,
    Column,
    Table,
)
from dashboard.settings.model import ModelSettings
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.sharding import GpuShard, gpu_shards
from gqa_core.theory.sharing import CachedPart, cached_parts


def size_table(settings: ModelSettings) -> Table[str]:
    """One row per variant: what it caches, and what a step reads and computes for it."""
    workload = settings.workload(settings.context_len)

    def kv_heads(variant: str) -> int | None:
        attention = settings.variants[variant]
        return attention.n_kv_heads if isinstance(attention, GroupedConfig) else None

    def per_token(variant: str) -> int:
        return sum(part.bytes_per_token for part in settings.parts(variant))

    def size(variant: str) -> int:
        return settings.cache_bytes(variant, settings.context_len)

    def intensity(variant: str) -> float | None:
        model = settings.models[variant]
        if not model.layer_groups:
            return None
        return arithmetic_intensity(model, workload, settings.kv_format)

    columns = (
        Column[str]("Variant", str),
        Column("K/V heads", kv_heads, COUNT),
        Column("Per token", per_token, KIB),
        Column("Cache", size, GIB),
        Column("Cache", size, GB),
        Column("Smaller than MHA", settings.reduction_vs_mha, TIMES),
        Column("FLOP per byte read", intensity, PLAIN),
    )
    return Table(columns, list(settings.models))


def part_table(
    settings: ModelSettings, attention: AttentionConfig, selected: str = ""
) -> Table[CachedPart]:
    """One row per cached part: who reads it, its bytes, and its share of what a step reads.

    The part of the name `selected` is marked.
    """
    n_tokens = settings.tokens_cached(attention)
    columns = (
        Column[CachedPart]("Cached part", lambda part: _marked(part.name, selected)),
        Column[CachedPart]("Read by", lambda part: describe_heads(part.query_heads)),
        Column[CachedPart]("Query heads", lambda part: len(part.query_heads), COUNT),
        Column[CachedPart]("Per token and layer", lambda part: part.bytes_per_token, BYTES),
        Column[CachedPart](
            "All such layers, context and batch", lambda part: part.bytes_per_token * n_tokens, MIB
        ),
        Column[CachedPart]("Share of the read", lambda part: part.read_share, PERCENT_3_DIGITS),
    )
    return Table(columns, cached_parts(attention, settings.kv_format))


def _marked(name: str, selected: str) -> str:
    return f"{name}, selected" if name == selected else name


def gpu_table(settings: ModelSettings, attention: AttentionConfig, tp: int) -> Table[GpuShard]:
    """One row per GPU: its heads of each layer, whether an earlier one has them too, its bytes."""
    n_bytes = settings.bytes_per_gpu(attention.variant, tp)
    columns = (
        Column[GpuShard]("GPU", lambda share: str(share.gpu)),
        Column[GpuShard]("Query heads", lambda share: describe_heads(share.query_heads)),
        Column("Caches", _cached_heads),
        Column[GpuShard]("On an earlier GPU too", lambda share: "yes" if share.is_copy else "no"),
        Column[GpuShard]("Cache", lambda share: n_bytes, MIB),
    )
    return Table(columns, gpu_shards(attention, tp))


def growth_table(settings: ModelSettings, contexts: Sequence[int]) -> Table[int]:
    """One row per context: the cache of each variant; with windows also what is allocated."""
    columns: list[Column[int]] = [Column("Context", str, TOKENS_TEXT)]
    columns += [_size_column(settings, name) for name in settings.models]
    if settings.has_window_layers:
        columns += [_allocated_column(settings, name) for name in settings.models]
    return Table(columns, contexts)


def _cached_heads(share: GpuShard) -> str:
    return describe_heads(share.kv_heads, "K/V head") if share.kv_heads else "the latent"


def _size_column(settings: ModelSettings, name: str) -> Column[int]:
    return Column(name, lambda context_len: settings.cache_bytes(name, context_len), GB_4_DIGITS)


def _allocated_column(settings: ModelSettings, name: str) -> Column[int]:
    return Column(
        f"{name} as allocated",
        lambda context_len: settings.allocated_bytes(name, context_len),
        GB_4_DIGITS,
    )
