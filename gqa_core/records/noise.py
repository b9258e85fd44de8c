"""Verdicts on the samples of a measured step: quiet, noisy or unusable, by what disturbed them.

The bandwidth probe reads the same memory before, between and after the samples. On an idle machine
its passes are alike; where the usual pass stays far behind the best one, something else was
running. The 5th percentile of a time survives that as long as its interval is narrow. Where even
that is wide, the number says more about the neighbours than about the step.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core import units
from gqa_core.records.quartiles import TimeSummary

__all__ = ["Verdict", "VerdictName", "verdict", "worst_verdict"]

VerdictName = Literal["quiet", "noisy", "unusable"]
VERDICT_NAMES: tuple[VerdictName, ...] = get_args(VerdictName)  # from best to worst
MIN_BANDWIDTH_RATIO = 0.7  # of the median pass to the best one, on a quiet machine
MAX_IQR_RATIO = 0.25  # of a quiet phase
MAX_INTERVAL_RATIO = 0.25  # of a usable 5th percentile


@dataclass(frozen=True, slots=True)
class Verdict:
    """The name, and the reason in one sentence; a quiet one needs none."""

    name: VerdictName
    reason: str = ""


def verdict(times: Mapping[str, TimeSummary], bandwidths: Sequence[float]) -> Verdict:
    """The verdict on a step: its times by name, and the bandwidths probed around its samples."""
    for name, seconds in times.items():
        if seconds.interval_ratio > MAX_INTERVAL_RATIO:
            return Verdict(
                "unusable",
                f"the 5th percentile of {name} is only known to lie between "
                f"{units.duration(seconds.p5_low)} and {units.duration(seconds.p5_high)}",
            )
    if bandwidths:
        ratio = statistics.median(bandwidths) / max(bandwidths)
        if ratio < MIN_BANDWIDTH_RATIO:
            return Verdict(
                "noisy",
                f"the usual pass of the bandwidth probe reached {units.percent(ratio)} of the best "
                "one: other work was running",
            )
    for name, seconds in times.items():
        if seconds.iqr_ratio > MAX_IQR_RATIO:
            return Verdict(
                "noisy",
                f"{name} spread widely: the interquartile range is "
                f"{units.percent(seconds.iqr_ratio)} of the median",
            )
    return Verdict("quiet")


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several, the first of its kind; quiet if there are none."""
    return max(verdicts, key=lambda each: VERDICT_NAMES.index(each.name), default=Verdict("quiet"))
