"""The log in sentences: how two selections compare, and what sharing heads saved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from dashboard.data.selection import attend_ratios, mha_of_run
from gqa_core import units


def compared_sentence(first: Sequence[Row], second: Sequence[Row]) -> str:
    """The ratio of B's attend time to A's, over the points that both have."""
    ratios = attend_ratios(first, second)
    if not ratios:
        return "A and B have no point in common with these settings."
    points = units.count(len(ratios), "point")
    return f"Over {points} that both have, B attends in {_span(ratios)} of A's time."


def sharing_sentence(rows: Sequence[Row]) -> str:
    """The memory and time that GQA and MQA saved against the MHA of the same run."""
    shared = [row for row in rows if row.variant in ("GQA", "MQA")]
    pairs = [(row, mha) for row, mha in zip(shared, mha_of_run(shared, rows), strict=True) if mha]
    if not pairs:
        return (
            "No record shown is a GQA or MQA point whose run measured MHA too, so there is nothing "
            "to compare."
        )
    smaller = [
        mha.record.memory.tensor_bytes / row.record.memory.tensor_bytes for row, mha in pairs
    ]
    times = [row.attend.p5 / mha.attend.p5 for row, mha in pairs]
    faster = sum(row.attend.p5_high < mha.attend.p5_low for row, mha in pairs)
    return (
        f"In {units.count(len(pairs), 'pair')} of GQA or MQA with the MHA of the same run, the "
        f"cache was {_span(smaller)} smaller, and attending took {_span(times)} of MHA's time: "
        f"faster in {faster} of {len(pairs)}."
    )


def _span(ratios: Sequence[float]) -> str:
    low, high = units.times(min(ratios)), units.times(max(ratios))
    if low == high:
        return low
    return f"{low} to {high} (median {units.times(statistics.median(ratios))})"
