"""The log in sentences: how two selections compare, and what sharing heads saved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from dashboard.data.selection import attend_ratios, n_common_points
from gqa_core import units
from gqa_core.records.log.sharing import SharingPair


def compared_sentence(first: Sequence[Row], second: Sequence[Row]) -> str:
    """The ratio of B's attend time to A's, over the points that both have, and those left out."""
    ratios = attend_ratios(first, second)
    left_out = _left_out(n_common_points(first, second) - len(ratios), "point")
    if not ratios:
        return (
            "A and B have no point in common with these settings and with usable samples."
            f"{left_out}"
        )
    points = units.count(len(ratios), "point")
    return f"Over {points} that both have, B attends in {_span(ratios)} of A's time.{left_out}"


def sharing_sentence(every: Sequence[SharingPair]) -> str:
    """The memory and time that GQA and MQA saved against the MHA of the same run."""
    pairs = [pair for pair in every if pair.is_usable]
    if not pairs:
        return (
            "No record shown is a GQA or MQA point whose run measured MHA too"
            f"{', both with usable samples' * bool(every)}, so there is nothing to compare."
        )
    return f"{_savings(pairs)}{_left_out(len(every) - len(pairs), 'pair')}"


def _savings(pairs: Sequence[SharingPair]) -> str:
    """Memory and time of each row over those of its MHA."""
    n_ties = sum(pair.is_tie for pair in pairs)
    faster = sum(not pair.is_tie and pair.time_ratio < 1 for pair in pairs)
    ties = f", not told apart in {n_ties:,}" if n_ties else ""
    return (
        f"In {units.count(len(pairs), 'pair')} of GQA or MQA with the MHA of the same run, the "
        f"cache was {_span([pair.times_smaller for pair in pairs])} smaller, and attending took "
        f"{_span([pair.time_ratio for pair in pairs])} of MHA's time: "
        f"faster in {faster:,} of {len(pairs):,}{ties}."
    )


def _left_out(number: int, noun: str) -> str:
    """The sentence about what had unusable samples; empty where nothing had."""
    return f" Left out for unusable samples: {units.count(number, noun)}." if number else ""


def _span(ratios: Sequence[float]) -> str:
    low, high = units.times(min(ratios)), units.times(max(ratios))
    if low == high:
        return low
    return f"{low} to {high} (median {units.times(statistics.median(ratios))})"
