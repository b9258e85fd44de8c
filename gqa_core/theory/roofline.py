"""The roof over a device: the most FLOP per second at a given number of FLOP per byte read.

Left of the ridge point memory is the limit, and the rate rises with the intensity; right of it
arithmetic is, and more intensity brings nothing.
Source: Williams, Waterman, Patterson, "Roofline" (doi 10.1145/1498765.1498785).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """Peak bytes and peak FLOP per second of a device; None where the latter is not known."""

    peak_bytes_per_s: float
    peak_flops_per_s: float | None

    @property
    def ridge_point(self) -> float | None:
        """FLOP per byte from which arithmetic is the limit; None where that is not known."""
        if self.peak_flops_per_s is None:
            return None
        return self.peak_flops_per_s / self.peak_bytes_per_s

    def attainable_flops_per_s(self, intensity: float) -> float:
        """The most FLOP per second at so many FLOP per byte."""
        by_memory = intensity * self.peak_bytes_per_s
        return by_memory if self.peak_flops_per_s is None else min(by_memory, self.peak_flops_per_s)

    def bounded_by(self, intensity: float) -> str:
        """What is the limit at so many FLOP per byte: memory or arithmetic."""
        ridge = self.ridge_point
        return "memory" if ridge is None or intensity < ridge else "arithmetic"
