"""The log in sentences: how two selections compare, and what sharing heads saved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dashboard.data.decode_rows import Row, VersusMha
from dashboard.data.selection import attend_ratios, mha_of_run
from gqa_core import units


def compared_sentence(first: Sequence[Row], second: Sequence[Row]) -> str:
    """The ratio of B's attend time to A's, over the points that both have."""
    ratios = attend_ratios(first, second)
    if not ratios:
        return "A and B have no point in common with these settings and with usable samples."
    points = units.count(len(ratios), "point")
    return f"Over {points} that both have, B attends in {_span(ratios)} of A's time."


def sharing_sentence(rows: Sequence[Row]) -> str:
    """The memory and time that GQA and MQA saved against the MHA of the same run."""
    shared = [row for row in rows if row.variant in ("GQA", "MQA")]
    every = [(row, mha) for row, mha in zip(shared, mha_of_run(shared, rows), strict=True) if mha]
    pairs = [(row, mha) for row, mha in every if row.is_usable and mha.is_usable]
    if not pairs:
        return (
            "No record shown is a GQA or MQA point whose run measured MHA too"
            f"{', both with usable samples' * bool(every)}, so there is nothing to compare."
        )
    return f"{_savings(pairs)}{_left_out(len(every) - len(pairs))}"


def _savings(pairs: Sequence[tuple[Row, Row]]) -> str:
    """Memory and time of each row over those of its MHA."""
    smaller = [
        mha.record.memory.tensor_bytes / row.record.memory.tensor_bytes for row, mha in pairs
    ]
    times = [row.attend.p5 / mha.attend.p5 for row, mha in pairs]
    speeds = [VersusMha(row, mha).speed for row, mha in pairs]
    faster = sum(speed is not None and speed > 1 for speed in speeds)
    ties = f", not told apart in {n_ties}" if (n_ties := speeds.count(None)) else ""
    return (
        f"In {units.count(len(pairs), 'pair')} of GQA or MQA with the MHA of the same run, the "
        f"cache was {_span(smaller)} smaller, and attending took {_span(times)} of MHA's time: "
        f"faster in {faster} of {len(pairs)}{ties}."
    )


def _left_out(n_pairs: int) -> str:
    if not n_pairs:
        return ""
    return f" Left out for unusable samples: {units.count(n_pairs, 'pair')}."


def _span(ratios: Sequence[float]) -> str:
    low, high = units.times(min(ratios)), units.times(max(ratios))
    if low == high:
        return low
    return f"{low} to {high} (median {units.times(statistics.median(ratios))})"
