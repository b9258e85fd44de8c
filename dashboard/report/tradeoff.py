"""The lecture's trade-off table with live numbers: bytes and time beside the quality it claims."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from dashboard.data.decode_rows import Row
from dashboard.settings.model import ModelSettings
from gqa_core import units
from gqa_core.catalog.results import GQA_PAPER, published_results
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.records.specs.training import divisors

LECTURE = {"MHA": "best", "GQA": "middle", "MQA": "worst", "MLA": "asks for the best"}


def tradeoff_table(
    settings: ModelSettings, rows: Sequence[Row], losses: Mapping[int, float]
) -> pd.DataFrame:
    """One line a variant; times are open where this machine has measured nothing to tell them by.

    The read time is the cache over the read bandwidth that the newest of `rows` probed; the attend
    time is the newest of `rows` with this layer, context and batch, as it was measured. `losses`
    are the small model's by its K/V heads; GQA is told by the nearest sharing that it was tried at.
    """
    bandwidth = rows[-1]["read_bandwidth_bytes_per_s"] if rows else None
    table = []
    for variant, attention in settings.variants.items():
        n_bytes = settings.cache_bytes(variant, settings.context_len)
        logged = _newest(
            row
            for row in rows
            if row["layer"] == attention
            and (row["context_len"], row["batch_size"])
            == (settings.context_len, settings.batch_size)
            and row["kernel_ran"] != "naive"
        )
        table.append(
            {
                "Variant": variant,
                "Cache (GiB)": n_bytes / units.GIB,
                "Smaller than MHA": settings.reduction_vs_mha(variant),
                "One read here, predicted (ms)": 1e3 * n_bytes / bandwidth if bandwidth else None,
                "Attend here, measured (ms)": 1e3 * logged["attend_s"] if logged else None,
                "Measured with": _conditions(logged),
                "Quality, the lecture says": LECTURE[variant],
                **_small_model(attention, losses),
            }
        )
    return pd.DataFrame(table)


def published_table(table: str = GQA_PAPER) -> pd.DataFrame:
    """A published table: one line a model, a column for each measure, and its source."""
    lines: dict[tuple[str, str], dict[str, float]] = {}
    for result in published_results():
        if result.table == table:
            lines.setdefault((result.model, result.source), {})[result.measure] = result.value
    return pd.DataFrame(
        {"Model": model, **values, "Source": source} for (model, source), values in lines.items()
    )


def answer(settings: ModelSettings) -> str:
    """The page's question answered in one line from the sliders."""
    mha = settings.cache_bytes("MHA", settings.context_len)
    parts = [
        f"{variant} {units.capacity(settings.cache_bytes(variant, settings.context_len))} "
        f"({units.times(settings.reduction_vs_mha(variant))} smaller)"
        for variant in settings.models
        if variant != "MHA"
    ]
    return (
        f"At {settings.context_len} tokens MHA keeps {units.capacity(mha)}; "
        + ", ".join(parts)
        + "."
    )


def _small_model(attention: AttentionConfig, losses: Mapping[int, float]) -> dict[str, object]:
    """The loss that stands for this variant, and the small model it was measured with."""
    n_kv_heads = _stands_for(attention, max(losses, default=1))
    loss = losses.get(n_kv_heads)
    return {
        "Small model's loss (nats)": loss,
        "Its K/V heads": loss and f"{n_kv_heads} of {max(losses)}",
    }


def _stands_for(attention: AttentionConfig, n_heads: int) -> int | None:
    """K/V heads of the small model of `n_heads` of the same variant, shared most alike."""
    if not isinstance(attention, GroupedConfig):
        return None
    if attention.variant != "GQA":
        return n_heads if attention.variant == "MHA" else 1
    between = divisors(n_heads)[1:-1]
    wanted = math.log(n_heads / attention.q_per_kv)
    return min(between, key=lambda count: abs(math.log(count) - wanted), default=None)


def _newest(rows: Iterable[Row]) -> Row | None:
    return max(rows, key=lambda row: row["created_at"], default=None)


def _conditions(row: Row | None) -> str | None:
    if row is None:
        return None
    layers = "1 layer" if row["n_layers"] == 1 else f"{row['n_layers']} layers"
    return f"{layers}, {row['dtype']}, {row['kernel_ran']}"
