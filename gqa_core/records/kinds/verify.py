"""A comparison of two ways to compute the same attention: how far apart they are, and the verdict.

`planted` records have the K/V heads, or the scales of a quantised cache, in the wrong order on one
side, to see the comparison fail.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.records.header import Device, RecordHeader, RunHeader, header_fields
from gqa_core.records.specs.verify import Comparison, VerifySpec
from gqa_core.records.validation import quoted, validate_equal, validate_number
from gqa_core.theory.formats import DtypeName

__all__ = ["VerifyMeasurement", "VerifyRecord", "VerifyWorkload"]

MAX_ERROR = 1e6


class VerifyWorkload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The compared step: tokens cached per sequence, its own included."""

    context_len: int
    batch_size: int
    dtype: DtypeName


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyMeasurement:
    """The result of a comparison: the largest difference, and the relative L2 error."""

    torch_version: str
    device: Device
    max_difference: float
    relative_error: float


class VerifyRecord(
    RecordHeader, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="verify"
):
    """One comparison."""

    kind = "verify"

    config: GroupedConfig
    workload: VerifyWorkload
    comparison: Comparison
    planted: bool
    max_difference: float
    relative_error: float
    tolerance: float
    passed: bool

    @classmethod
    def from_measurement(
        cls, spec: VerifySpec, measurement: VerifyMeasurement, run: RunHeader, point: int
    ) -> VerifyRecord:
        """The record of a point."""
        tolerance = spec.tolerance
        return cls(
            **header_fields(run, point, measurement.torch_version, measurement.device),
            config=spec.attention,
            workload=VerifyWorkload(
                context_len=spec.workload.context_len,
                batch_size=spec.workload.batch_size,
                dtype=spec.dtype,
            ),
            comparison=spec.comparison,
            planted=spec.planted,
            max_difference=measurement.max_difference,
            relative_error=measurement.relative_error,
            tolerance=tolerance,
            passed=measurement.relative_error <= tolerance,
        )

    @property
    def spec(self) -> VerifySpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        return VerifySpec(
            comparison=self.comparison,
            attention=self.config,
            workload=Workload(
                context_len=self.workload.context_len, batch_size=self.workload.batch_size
            ),
            dtype=self.workload.dtype,
            planted=self.planted,
        )

    def validate(self) -> None:
        """Raise ValueError unless error, tolerance and verdict agree."""
        RecordHeader.validate(self)
        tolerance = self.spec.tolerance
        validate_number("max_difference", self.max_difference, 0, MAX_ERROR)
        validate_number("relative_error", self.relative_error, 0, MAX_ERROR)
        if (self.max_difference == 0) != (self.relative_error == 0):
            raise ValueError(
                "relative_error must be 0 where max_difference is, and only there: "
                f"got {quoted(self.relative_error)} and {quoted(self.max_difference)}"
            )
        validate_equal("tolerance", self.tolerance, tolerance)
        validate_equal("passed", self.passed, self.relative_error <= tolerance)
