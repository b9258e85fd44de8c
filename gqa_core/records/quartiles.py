"""Raw samples summarised: the median, and the quartiles as its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MAX_IQR_RATIO", "Quartiles", "spread_warnings"]

MAX_IQR_RATIO = 0.10  # of the median: a record warns above it


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


def spread_warnings(quartiles: dict[str, Quartiles]) -> list[str]:
    """One sentence for each phase whose samples spread over more than 10% of their median."""
    return [
        f"{phase}: spread over 10% (interquartile range {seconds.iqr_ratio:.0%})"
        for phase, seconds in quartiles.items()
        if seconds.iqr > MAX_IQR_RATIO * seconds.median
    ]
