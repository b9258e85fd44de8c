"""Reasons why a record may not ship as a sample: it was disturbed, or its comparison fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from gqa_core import units
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import (
    DecodeRecord,
    GenerateRecord,
    GrowthRecord,
    Record,
    VerifyRecord,
)
from gqa_core.records.noise import MAX_MEDIAN_RATIO
from gqa_core.records.quartiles import TimeSummary

__all__ = ["doubt"]

MAX_PASS_RATIO = 3  # of a step in the one pass behind the totals, which meets cold memory
# Of one core. An append that copies is fast or slow by what the allocator does, on a quiet machine
# too (half of the repeats took 4.2 times the others), so its spread says nothing of other work.
MAX_OTHER_CORES = 0.15


def doubt(record: Record, other_cores: float = 0.0) -> str:
    """The reason why a record may not ship, empty if it may.

    The samples of a decode step must be quiet by its verdict. Those of a generated token must be
    alike, and the one pass behind the totals like its repeats. While tokens were generated or
    appended, other processes must have left the processor alone: `other_cores` is what they used.
    """
    if isinstance(record, GenerateRecord | GrowthRecord) and other_cores > MAX_OTHER_CORES:
        return f"other work used {other_cores:.2g} cores meanwhile"
    match record:
        case DecodeRecord():
            verdict = DecodeRow.from_record(record).verdict
            return "" if verdict.name == "quiet" else verdict.reason
        case VerifyRecord():
            return "" if record.passed or record.planted else "the comparison fails"
        case GenerateRecord():
            phases = msgspec.structs.astuple(record.samples_s)
            repeats = [_sum_phases(by_phase) for by_phase in zip(*phases, strict=True)]
            totals = _sum_phases(msgspec.structs.astuple(record.totals_s))
            return next(_doubts_by_length(record.workload.context_lens, repeats, totals), "")
    return ""


def _sum_phases(phases: Sequence[Sequence[float]]) -> list[float]:
    return [sum(seconds) for seconds in zip(*phases, strict=True)]


def _doubts_by_length(
    lengths: Sequence[int], repeats: Sequence[Sequence[float]], totals: Sequence[float]
) -> Iterator[str]:
    """One sentence per length whose repeats differ, or up to which the pass took longer."""
    times = [TimeSummary.from_samples(seconds) for seconds in repeats]
    for length, seconds in zip(lengths, times, strict=True):
        if seconds.median > MAX_MEDIAN_RATIO * seconds.p5:
            yield (
                f"half of the repeats at {length} tokens took over "
                f"{units.times(seconds.median / seconds.p5)} their 5th percentile"
            )
    for (start, end), (before, after), ends in zip(
        pairwise(lengths), pairwise(totals), pairwise(times), strict=True
    ):
        mean = (after - before) / (end - start)
        if mean > MAX_PASS_RATIO * max(seconds.median for seconds in ends):
            yield f"the steps from {start} to {end} tokens took longer than their repeats"
