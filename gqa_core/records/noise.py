"""Verdicts on the samples of a measured step: quiet, noisy or unusable, by what disturbed them.

The bandwidth probe reads the same memory before, between and after the samples. On an idle machine
its passes are alike; where the usual pass stays far behind the best one, something else was
running. The 5th percentile of a time survives that as long as its interval is narrow. Where even
that is wide, the number says more about the neighbours than about the step.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core import units
from gqa_core.records.quartiles import TimeSummary

__all__ = ["Verdict", "VerdictName", "verdict", "worst_verdict"]

VerdictName = Literal["quiet", "noisy", "unusable"]
VERDICT_NAMES: tuple[VerdictName, ...] = get_args(VerdictName)  # from best to worst
# On 2 cores of a shared EPYC, whose bandwidth switches between 35 and 65 GB/s by itself, the median
# pass reached 50 to 100% of the best one; beside three busy processes 12 to 18%. The median of
# attend was within 1.4 times its 5th percentile, and beside them 3 to 20 times it.
MIN_BANDWIDTH_RATIO = 0.4  # of the median pass to the best one, on a quiet machine
MIN_USABLE_RATIO = 0.08  # of a run in which some samples were undisturbed
TIME_SLICE_S = 0.010  # beside three processes a call of 6 ms never took less than 10
MAX_MEDIAN_RATIO = 1.75  # of the median to the 5th percentile, on a quiet machine
MAX_INTERVAL_RATIO = 0.5  # of a usable 5th percentile


@dataclass(frozen=True, slots=True)
class Verdict:
    """The name, and the reason in one sentence; a quiet one needs none."""

    name: VerdictName
    reason: str = ""


def verdict(times: Mapping[str, TimeSummary], bandwidths: Sequence[float]) -> Verdict:
    """The verdict on a step: its times by name, and the bandwidths probed around its samples.

    `times` has attend and, if it was timed, step.
    """
    return worst_verdict([*_by_bandwidth(times["attend"].p5, bandwidths), *_by_times(times)])


def _by_times(times: Mapping[str, TimeSummary]) -> Iterator[Verdict]:
    """Doubts about the times themselves."""
    for name, seconds in times.items():
        if seconds.interval_ratio > MAX_INTERVAL_RATIO:
            yield Verdict(
                "unusable" if name == "attend" else "noisy",
                f"the 5th percentile of {name} is only known to lie between "
                f"{units.duration(seconds.p5_low)} and {units.duration(seconds.p5_high)}",
            )
        if seconds.median > MAX_MEDIAN_RATIO * seconds.p5:
            yield Verdict(
                "noisy",
                f"half of the samples of {name} took over "
                f"{units.times(seconds.median / seconds.p5)} their 5th percentile",
            )


def _by_bandwidth(attend_s: float, bandwidths: Sequence[float]) -> Iterator[Verdict]:
    """Doubts from the probes around the samples, if they were recorded."""
    ratio = statistics.median(bandwidths) / max(bandwidths) if bandwidths else 1.0
    if ratio >= MIN_BANDWIDTH_RATIO:
        return
    yield Verdict(
        "unusable" if ratio < MIN_USABLE_RATIO else "noisy",
        f"the usual pass of the bandwidth probe reached {units.percent(ratio)} of the best one: "
        "other work was running",
    )
    if attend_s > TIME_SLICE_S:
        yield Verdict(
            "unusable",
            f"other work was running, and a call of {units.duration(attend_s)} is longer than a "
            "time slice of the system, so that no sample can have run undisturbed",
        )


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several, the first of its kind; quiet if there are none."""
    return max(verdicts, key=lambda each: VERDICT_NAMES.index(each.name), default=Verdict("quiet"))
