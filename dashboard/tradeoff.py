"""The lecture's trade-off table with live numbers: bytes and time beside the quality it claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from dashboard.choices import SizeChoice
from dashboard.measured_tables import Row
from gqa_core import units
from gqa_core.catalog.results import published_results

LECTURE = {"MHA": "best", "GQA": "middle", "MQA": "worst", "MLA": "asks for the best"}


def tradeoff_table(choice: SizeChoice, rows: Sequence[Row]) -> pd.DataFrame:
    """One line a variant; times are open where this machine has measured nothing to tell them by.

    The read time is the cache over the read bandwidth that the newest of `rows` probed; the attend
    time is the newest of `rows` with this layer, context and batch, as it was measured.
    """
    bandwidth = rows[-1]["read_bandwidth_bytes_per_s"] if rows else None
    table = []
    for variant, attention in choice.rows.items():
        n_bytes = choice.cache_bytes(variant, choice.context_len)
        logged = _newest(
            row
            for row in rows
            if row["layer"] == attention
            and (row["context_len"], row["batch_size"]) == (choice.context_len, choice.batch_size)
            and row["kernel_ran"] != "naive"
        )
        table.append(
            {
                "Variant": variant,
                "Cache (GiB)": n_bytes / units.GIB,
                "Smaller than MHA": choice.reduction_vs_mha(variant),
                "One read here, predicted (ms)": 1e3 * n_bytes / bandwidth if bandwidth else None,
                "Attend here, measured (ms)": 1e3 * logged["attend_s"] if logged else None,
                "Measured with": _conditions(logged),
                "Quality, the lecture says": LECTURE[variant],
            }
        )
    return pd.DataFrame(table)


def published_table() -> pd.DataFrame:
    """The GQA paper's own measurement of the same trade-off."""
    return pd.DataFrame(
        {
            "Model": result.model,
            "Time per sample (s)": result.time_s,
            "Average score": result.score,
            "Source": result.source,
        }
        for result in published_results()
    )


def answer(choice: SizeChoice) -> str:
    """The page's question answered in one line from the sliders."""
    mha = choice.cache_bytes("MHA", choice.context_len)
    parts = [
        f"{variant} {units.capacity(choice.cache_bytes(variant, choice.context_len))} "
        f"({units.times(choice.reduction_vs_mha(variant))} smaller)"
        for variant in choice.models
        if variant != "MHA"
    ]
    return (
        f"At {choice.context_len} tokens MHA keeps {units.capacity(mha)}; " + ", ".join(parts) + "."
    )


def _newest(rows: Iterable[Row]) -> Row | None:
    return max(rows, key=lambda row: row["created_at"], default=None)


def _conditions(row: Row | None) -> str | None:
    if row is None:
        return None
    layers = "1 layer" if row["n_layers"] == 1 else f"{row['n_layers']} layers"
    return f"{layers}, {row['dtype']}, {row['kernel_ran']}"
