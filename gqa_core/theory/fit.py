"""Power-law fits: the exponent p of y = a n^p from measured points.

On log-log axes y = a n^p is a straight line with slope p, fitted by least squares. At short lengths
a fixed cost per call hides the power, so callers fit the upper half of the lengths on a log axis,
and say on screen which lengths they fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["EXPECTED_EXPONENTS", "ExpectedExponents", "PowerFit", "fit_power", "upper_half"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFit:
    """y = factor n^exponent, fitted to points between the lengths `first` and `last`.

    `standard_error` is that of the exponent, from the residuals; None for two points, which leave
    none.
    """

    exponent: float
    standard_error: float | None
    factor: float
    first: int
    last: int

    def predict(self, n: float) -> float:
        """The fitted value at length n."""
        return self.factor * n**self.exponent


def fit_power(lengths: Sequence[int], values: Sequence[float]) -> PowerFit:
    """Least-squares fit of log value against log length.

    Raises:
        ValueError: fewer than two different lengths, or a length or value that is not positive.
    """
    if len(set(lengths)) < 2:
        raise ValueError(f"a fit must have two different lengths: got {sorted(set(lengths))}")
    if min(*lengths, *values) <= 0:
        raise ValueError(f"a fit must have positive numbers: got {min(*lengths, *values)}")
    x = [math.log(length) for length in lengths]
    y = [math.log(value) for value in values]
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    spread = math.fsum((a - mean_x) ** 2 for a in x)
    pairs = list(zip(x, y, strict=True))
    exponent = math.fsum((a - mean_x) * (b - mean_y) for a, b in pairs) / spread
    base = mean_y - exponent * mean_x
    rss = math.fsum((b - base - exponent * a) ** 2 for a, b in pairs)
    error = math.sqrt(rss / (len(x) - 2) / spread) if len(x) > 2 else None
    return PowerFit(
        exponent=exponent,
        standard_error=error,
        factor=math.exp(base),
        first=min(lengths),
        last=max(lengths),
    )


def upper_half(lengths: Sequence[int]) -> list[int]:
    """The lengths in the right half of a log axis: at least sqrt(shortest * longest)."""
    middle = math.sqrt(min(lengths) * max(lengths)) if lengths else 0
    return [length for length in lengths if length >= middle]


@dataclass(frozen=True, slots=True)
class ExpectedExponents:
    """Theoretical exponents of n: of the step that adds token n, and of all steps up to it."""

    step: int
    total: int


# By (mode, part). One step projects 1 token with a cache and n without; 1 or n queries attend over
# n tokens. The sum of k^p over k = 1 ... n grows as n^(p + 1).
EXPECTED_EXPONENTS: Mapping[tuple[str, str], ExpectedExponents] = MappingProxyType(
    {
        ("cached", "attention"): ExpectedExponents(1, 2),
        ("recomputed", "attention"): ExpectedExponents(2, 3),
        ("cached", "projections"): ExpectedExponents(0, 1),
        ("recomputed", "projections"): ExpectedExponents(1, 2),
    }
)
