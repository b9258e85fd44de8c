"""Formulas as tables for people: columns named with their units, no streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.data.cached_parts import describe_heads
from dashboard.settings.model import ModelSettings
from gqa_core import units
from gqa_core.configs import AttentionConfig
from gqa_core.theory.cost import arithmetic_intensity
from gqa_core.theory.memory import kv_bytes_per_token
from gqa_core.theory.sharding import gpu_shares
from gqa_core.theory.sharing import CachedPart, cached_parts


def size_table(settings: ModelSettings) -> pd.DataFrame:
    """One line a variant: what it caches, and what a step reads and computes for it."""
    workload, rows = settings.workload(settings.context_len), settings.variants
    table = []
    for variant, model in settings.models.items():
        n_bytes = settings.cache_bytes(variant, settings.context_len)
        table.append(
            {
                "Variant": variant,
                "K/V heads": getattr(rows[variant], "n_kv_heads", None),
                "Per token (KiB)": kv_bytes_per_token(model, settings.kv_format) / units.KIB,
                "Cache (GiB)": n_bytes / units.GIB,
                "Cache (GB)": n_bytes / units.GB,
                "Smaller than MHA": settings.reduction_vs_mha(variant),
                "FLOP per byte read": arithmetic_intensity(model, workload, settings.kv_format),
            }
        )
    return pd.DataFrame(table).astype({"K/V heads": "Int64"})


def part_table(settings: ModelSettings, attention: AttentionConfig) -> pd.DataFrame:
    """One line a cached part: who reads it, its bytes, and its share of what a step reads."""
    table = []
    for part in cached_parts(attention, settings.kv_format):
        n_bytes = part.bytes_per_token
        table.append(
            {
                "Cached part": part.name,
                "Read by": describe_heads(part.query_heads),
                "Query heads": len(part.query_heads),
                "Per token and layer (B)": n_bytes,
                "All such layers, context and batch (MiB)": n_bytes
                * settings.tokens_cached(attention)
                / units.MIB,
                "Share of the read (%)": 100 * part.read_share,
            }
        )
    return pd.DataFrame(table)


def gpu_table(settings: ModelSettings, attention: AttentionConfig, tp: int) -> pd.DataFrame:
    """One line a GPU: the heads it holds of each layer, whether an earlier one has them, bytes."""
    n_bytes = settings.bytes_per_gpu(attention.variant, tp)
    return pd.DataFrame(
        {
            "GPU": str(share.gpu),
            "Query heads": describe_heads(share.query_heads),
            "Caches": describe_heads(share.kv_heads, "K/V head")
            if share.kv_heads
            else "the latent",
            "Held by an earlier GPU too": "yes" if share.is_copy else "no",
            "Cache (MiB)": n_bytes / units.MIB,
        }
        for share in gpu_shares(attention, tp)
    )


def kinds_of(parts: Sequence[CachedPart]) -> list[str]:
    """What the parts are, counted: "8 K/V heads", or each by its name."""
    if parts[0].name.startswith("K/V head"):
        return [units.count(len(parts), "K/V head")]
    return [part.name for part in parts]


def growth_table(settings: ModelSettings, contexts: Sequence[int]) -> pd.DataFrame:
    """One line a context: the cache of each variant, and with windows what is allocated for it."""
    columns = {f"{name} (MiB)": (settings.cache_bytes, name) for name in settings.models}
    if settings.has_window_layers:
        columns |= {
            f"{name} as allocated (MiB)": (settings.allocated_bytes, name)
            for name in settings.models
        }
    return pd.DataFrame(
        [
            {"Context (tokens)": str(context_len)}
            | {
                column: n_bytes(name, context_len) / units.MIB
                for column, (n_bytes, name) in columns.items()
            }
            for context_len in contexts
        ]
    )
