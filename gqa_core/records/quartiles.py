"""Raw samples summarised: quartiles, tails, and the time with the least interference.

Other work on a machine only ever adds time, so a low quantile says what the code takes and the
median what the machine gave it meanwhile. On a loaded machine the 5th percentile of a short call
keeps within tens of percent of the quiet one while medians are off by factors. Its confidence
interval follows from order statistics: with probability 97.5% at most k - 1 of n samples fall below
the true quantile, k from the binomial distribution, so that the k-th smallest is an upper end.
Source: Hahn, Meeker, "Statistical Intervals", section 5.2.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Quartiles", "TimeSummary", "p5_rank"]


@dataclass(frozen=True, slots=True)
class Quartiles:
    """First quartile, median and third quartile."""

    q1: float
    median: float
    q3: float

    @classmethod
    def from_samples(cls, samples: Sequence[float]) -> Quartiles:
        """The quartiles of at least one sample, which count as the whole population."""
        if len(samples) == 1:
            return cls(samples[0], samples[0], samples[0])
        return cls(*statistics.quantiles(samples, n=4, method="inclusive"))

    @property
    def iqr(self) -> float:
        """Interquartile range: third quartile minus first."""
        return self.q3 - self.q1

    @property
    def iqr_ratio(self) -> float:
        """Interquartile range over the median."""
        return self.iqr / self.median

    def rates(self, amount: float) -> Quartiles:
        """Amount per second when these are seconds: the slowest quarter is the first quartile."""
        return Quartiles(amount / self.q3, amount / self.median, amount / self.q1)


@dataclass(frozen=True, slots=True)
class TimeSummary(Quartiles):
    """Quartiles and percentiles of seconds; `p5_low` to `p5_high` is the 95% interval of `p5`."""

    p5: float
    p5_low: float
    p5_high: float
    p95: float
    p99: float

    @classmethod
    def from_samples(cls, samples: Sequence[float]) -> TimeSummary:
        """The summary of at least one sample, which count as the whole population."""
        ordered = sorted(samples)
        p5, q1, median, q3, p95, p99 = (
            _quantile(ordered, level) for level in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        )
        high = ordered[p5_rank(len(ordered)) - 1]
        return cls(q1, median, q3, p5, ordered[0], max(high, p5), p95, p99)

    @property
    def undisturbed(self) -> Quartiles:
        """`p5` with the ends of its interval in the place of the quartiles."""
        return Quartiles(self.p5_low, self.p5, self.p5_high)

    def differs_from(self, other: TimeSummary) -> bool:
        """True if the intervals of both 5th percentiles do not overlap."""
        return self.p5_high < other.p5_low or other.p5_high < self.p5_low

    @property
    def interval_ratio(self) -> float:
        """Width of the interval of `p5` over `p5`."""
        return (self.p5_high - self.p5_low) / self.p5


@lru_cache(maxsize=1024)
def p5_rank(n: int) -> int:
    """Rank of the sample that bounds the 5th percentile from above with 97.5% confidence.

    n where there are too few samples for that, fewer than 2.
    """
    below = 0.0
    for k in range(n):
        below += math.comb(n, k) * 0.05**k * 0.95 ** (n - k)
        if below >= 0.975:
            return k + 1
    return n


def _quantile(ordered: Sequence[float], level: float) -> float:
    """The quantile of rising samples, interpolated between two neighbours."""
    position = level * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
