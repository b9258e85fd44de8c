"""The roofline of a device: the attainable FLOP per second at a given intensity in FLOP per byte.

Below the ridge point memory is the limit and the rate rises with the intensity; above it arithmetic
is the limit and more intensity brings nothing.
Source: Williams, Waterman, Patterson, "Roofline" (doi 10.1145/1498765.1498785).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Limit", "Roof"]

Limit = Literal["memory", "arithmetic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """Peak bytes and peak FLOP per second of a device; the latter may be unknown (None)."""

    peak_bytes_per_s: float
    peak_flops_per_s: float | None

    @property
    def ridge_point(self) -> float | None:
        """FLOP per byte from which arithmetic is the limit; None if the FLOP rate is unknown."""
        if self.peak_flops_per_s is None:
            return None
        return self.peak_flops_per_s / self.peak_bytes_per_s

    def attainable_flops_per_s(self, intensity: float) -> float:
        """The largest FLOP per second at an intensity in FLOP per byte."""
        by_memory = intensity * self.peak_bytes_per_s
        return by_memory if self.peak_flops_per_s is None else min(by_memory, self.peak_flops_per_s)

    def bounded_by(self, intensity: float) -> Limit:
        """The limit at an intensity in FLOP per byte."""
        ridge = self.ridge_point
        return "memory" if ridge is None or intensity < ridge else "arithmetic"
