"""Clocks, power and throttling of a GPU at one moment, as its driver reports them.

A time means little without them: a capped or hot GPU runs slower than its data sheet says, and one
that idled until now has yet to raise its clocks.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from gqa_core.configs import validate_int
from gqa_core.records.validation import validate_number, validate_option, validate_text

__all__ = [
    "SLOWDOWN_REASONS",
    "THROTTLE_REASONS",
    "DeviceClocks",
    "ThrottleReason",
    "clock_warnings",
    "validate_clocks",
]

ThrottleReason = Literal[
    "idle",
    "application clocks",
    "software power cap",
    "hardware slowdown",
    "sync boost",
    "software thermal",
    "hardware thermal",
    "power brake",
    "display clocks",
    "board limit",
    "reliability",
    "other",
]
THROTTLE_REASONS: tuple[ThrottleReason, ...] = get_args(ThrottleReason)
SLOWDOWN_REASONS: tuple[ThrottleReason, ...] = (  # those that make a measurement slower
    "software power cap",
    "hardware slowdown",
    "software thermal",
    "hardware thermal",
    "power brake",
    "board limit",
    "reliability",
)
MAX_MHZ, MAX_W, MAX_CELSIUS = 100_000, 100_000.0, 1000
MAX_CLOCK_DROP = 0.05  # share of the clock before a point that may be missing after it


class DeviceClocks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU at one moment; None stands for a figure that its driver does not report."""

    driver_version: str | None = None
    sm_clock_mhz: int | None = None
    max_sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_celsius: int | None = None
    throttle_reasons: tuple[ThrottleReason, ...] = ()

    def validate(self, name: str) -> None:
        """Raise ValueError unless each figure is one that a GPU can have; `name` is the field's."""
        if self.driver_version is not None:
            validate_text(f"{name}.driver_version", self.driver_version, 40)
        for field in ("sm_clock_mhz", "max_sm_clock_mhz", "memory_clock_mhz"):
            if (value := getattr(self, field)) is not None:
                validate_int(f"{name}.{field}", value, MAX_MHZ, least=0)
        for field in ("power_w", "power_limit_w"):
            if (value := getattr(self, field)) is not None:
                validate_number(f"{name}.{field}", value, 0, MAX_W)
        if self.temperature_celsius is not None:
            validate_number(
                f"{name}.temperature_celsius", self.temperature_celsius, -MAX_CELSIUS, MAX_CELSIUS
            )
        for reason in self.throttle_reasons:
            validate_option(f"{name}.throttle_reasons", reason, THROTTLE_REASONS)
        if len(set(self.throttle_reasons)) < len(self.throttle_reasons):
            raise ValueError(
                f"{name}.throttle_reasons must be distinct: got {', '.join(self.throttle_reasons)}"
            )


def validate_clocks(
    before: DeviceClocks | None, after: DeviceClocks | None, device_type: str
) -> None:
    """Raise ValueError unless both are there or neither is, and a CPU has none."""
    if (before is None) != (after is None):
        present = "clocks_before" if before is not None else "clocks_after"
        raise ValueError(f"clocks_before and clocks_after must come together: got {present} alone")
    if before is None or after is None:
        return
    if device_type == "cpu":
        raise ValueError("clocks_before must be null on a CPU: got clocks")
    before.validate("clocks_before")
    after.validate("clocks_after")


def clock_warnings(before: DeviceClocks | None, after: DeviceClocks | None) -> list[str]:
    """Sentences for a record: the GPU was slowed down, or its clock fell while it measured.

    An idle GPU lowers its clocks, so that a low clock before the first sample says nothing.
    """
    if before is None or after is None:
        return []
    reported = {*before.throttle_reasons, *after.throttle_reasons}
    reasons = [reason for reason in SLOWDOWN_REASONS if reason in reported]
    warnings = [f"GPU slowed down: {', '.join(reasons)}"] if reasons else []
    start, end = before.sm_clock_mhz, after.sm_clock_mhz
    if (
        start
        and end
        and end < (1 - MAX_CLOCK_DROP) * start
        and "idle" not in after.throttle_reasons
    ):
        warnings.append(f"GPU clock fell from {start} to {end} MHz")
    return warnings
