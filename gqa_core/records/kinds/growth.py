"""A measured growth: a cache that takes one token after the other, under one allocation policy.

Every list in `samples_s`, `totals_s` and `allocated_bytes` has one entry per length of
`workload.context_lens`. The samples of a length are the last appends that lead up to it, so a short
length has fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from gqa_core.configs import validate_int
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds.token_by_token import (
    LengthSamples,
    LengthTotals,
    TokenByTokenMeasurement,
    TokenByTokenRecord,
    common_fields,
    n_samples,
    validate_samples,
    validate_totals,
)
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.specs.growth import BLOCK_LEN, GrowthSpec, Policy
from gqa_core.records.validation import validate_count, validate_equal

__all__ = ["AppendSamples", "AppendTotals", "GrowthMeasurement", "GrowthRecord"]

ROUNDING = 1 - 1e-9  # sums of floats in another order


class AppendSamples(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of the last appends up to each length."""

    append: LengthSamples


class AppendTotals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of all appends up to each length."""

    append: LengthTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthMeasurement(TokenByTokenMeasurement):
    """The result of measuring a growth."""

    samples_s: AppendSamples
    totals_s: AppendTotals
    allocated_bytes: tuple[int, ...]
    worst_waste_bytes: int


class GrowthRecord(
    TokenByTokenRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="growth"
):
    """One measured growth; `worst_waste_bytes` are the most bytes of slots without a token."""

    kind = "growth"

    policy: Policy
    block_len: int | None
    samples_s: AppendSamples
    totals_s: AppendTotals
    allocated_bytes: tuple[int, ...]
    worst_waste_bytes: int

    @classmethod
    def from_measurement(
        cls, spec: GrowthSpec, measurement: GrowthMeasurement, run: RunHeader, point: int
    ) -> GrowthRecord:
        """The record of a point."""
        return cls(
            **common_fields(spec, measurement, run, point),
            policy=spec.policy,
            block_len=spec.block_len if spec.policy == "paged" else None,
            samples_s=measurement.samples_s,
            totals_s=measurement.totals_s,
            allocated_bytes=measurement.allocated_bytes,
            worst_waste_bytes=measurement.worst_waste_bytes,
        )

    @property
    def spec(self) -> GrowthSpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        block_len = self.block_len
        if self.policy == "paged":
            validate_int("block_len", block_len, MAX_SAMPLES * MAX_SAMPLES)
        else:
            validate_equal("block_len", block_len, None)
        return GrowthSpec(
            attention=self.config,
            context_lens=self.workload.context_lens,
            dtype=self.workload.dtype,
            n_layers=self.workload.n_layers,
            n_samples=n_samples("samples_s.append", self.samples_s.append),
            policy=self.policy,
            block_len=BLOCK_LEN if block_len is None else block_len,
        )

    def validate(self) -> None:
        """Raise ValueError unless all fields agree with each other and with the formulas."""
        TokenByTokenRecord.validate(self)
        spec = self.spec
        self._validate_times(spec)
        allocated = [spec.allocated_bytes(length) for length in spec.context_lens]
        counts = [len(allocated)]
        validate_count("allocated_bytes", self.allocated_bytes, counts, "numbers of bytes")
        for n_bytes, expected in zip(self.allocated_bytes, allocated, strict=True):
            validate_equal("allocated_bytes", n_bytes, expected)
        validate_equal("worst_waste_bytes", self.worst_waste_bytes, spec.worst_waste_bytes)
        self.memory.validate(spec.formula_bytes, allocated[-1], self.device.type)

    def _validate_times(self, spec: GrowthSpec) -> None:
        samples, totals = self.samples_s.append, self.totals_s.append
        counts = [min(length, spec.n_samples) for length in spec.context_lens]
        validate_samples("samples_s.append", samples, counts)
        validate_totals("totals_s.append", totals, len(counts))
        for recent, total in zip(samples, totals, strict=True):
            if total < ROUNDING * sum(recent):
                raise ValueError(
                    f"totals_s.append must be at least its samples, {sum(recent):g}: got {total:g}"
                )
