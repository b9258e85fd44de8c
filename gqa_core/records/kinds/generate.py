"""A measured generation: the same tokens with a cache (`cached`) or without one (`recomputed`).

Every list in `samples_s`, `totals_s` and `outputs` has one entry per length of
`workload.context_lens`. `outputs` are the first components of the token vector made there, by which
the two modes can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import msgspec
from msgspec import Struct

from gqa_core.configs import DECODE_KERNELS, ConcreteKernel, KernelName
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
from gqa_core.records.specs.generate import N_SHOWN, GenerateSpec, Mode
from gqa_core.records.validation import (
    validate_count,
    validate_equal,
    validate_number,
    validate_option,
)

__all__ = ["GenerateMeasurement", "GenerateRecord", "PhaseSamples", "PhaseTotals"]

ROUNDING = 1.05  # a 16-bit float may round a normalised vector up


class PhaseSamples(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of repeats of the step that adds token n, by phase, for each length n."""

    project: LengthSamples
    append: LengthSamples
    attend: LengthSamples
    output: LengthSamples


class PhaseTotals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of all steps up to token n, by phase, for each length n; repeats not counted."""

    project: LengthTotals
    append: LengthTotals
    attend: LengthTotals
    output: LengthTotals

    def all_phases_s(self, index: int) -> float:
        """Seconds of all phases up to the length at this index."""
        return sum(totals[index] for totals in msgspec.structs.astuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateMeasurement(TokenByTokenMeasurement):
    """The result of measuring a generation."""

    kernel_ran: ConcreteKernel
    samples_s: PhaseSamples
    totals_s: PhaseTotals
    outputs: tuple[tuple[float, ...], ...]


class GenerateRecord(
    TokenByTokenRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="generate"
):
    """One measured generation."""

    kind = "generate"

    mode: Mode
    kernel_asked: KernelName
    kernel_ran: ConcreteKernel
    samples_s: PhaseSamples
    totals_s: PhaseTotals
    outputs: tuple[tuple[float, ...], ...]

    @classmethod
    def from_measurement(
        cls, spec: GenerateSpec, measurement: GenerateMeasurement, run: RunHeader, point: int
    ) -> GenerateRecord:
        """The record of a point."""
        return cls(
            **common_fields(spec, measurement, run, point),
            mode=spec.mode,
            kernel_asked=spec.kernel,
            kernel_ran=measurement.kernel_ran,
            samples_s=measurement.samples_s,
            totals_s=measurement.totals_s,
            outputs=measurement.outputs,
        )

    @property
    def spec(self) -> GenerateSpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        return GenerateSpec(
            attention=self.config,
            context_lens=self.workload.context_lens,
            dtype=self.workload.dtype,
            n_layers=self.workload.n_layers,
            n_samples=n_samples("samples_s.attend", self.samples_s.attend),
            mode=self.mode,
            kernel=self.kernel_asked,
        )

    def validate(self) -> None:
        """Raise ValueError unless all fields agree with each other and with the formulas."""
        TokenByTokenRecord.validate(self)
        spec = self.spec
        # DECODE_KERNELS take one query token: for a whole prefix another runs, and is named.
        if spec.kernel == "auto" or (spec.mode == "recomputed" and spec.kernel in DECODE_KERNELS):
            validate_option("kernel_ran", self.kernel_ran, get_args(ConcreteKernel))
        else:
            validate_equal("kernel_ran", self.kernel_ran, spec.kernel)
        self._validate_times(spec)
        self._validate_outputs(spec)
        self.memory.validate(spec.formula_bytes, spec.formula_bytes, self.device.type)

    def _validate_times(self, spec: GenerateSpec) -> None:
        counts = [spec.n_samples] * len(spec.context_lens)
        for phase, samples in msgspec.structs.asdict(self.samples_s).items():
            validate_samples(f"samples_s.{phase}", samples, counts)
        for phase, totals in msgspec.structs.asdict(self.totals_s).items():
            validate_totals(f"totals_s.{phase}", totals, len(counts))

    def _validate_outputs(self, spec: GenerateSpec) -> None:
        """Token vectors are RMS-normalised, so no component exceeds sqrt(dim)."""
        limit = ROUNDING * math.sqrt(spec.attention.dim)
        validate_count("outputs", self.outputs, [len(spec.context_lens)], "lists")
        for output in self.outputs:
            validate_count("outputs", output, [min(N_SHOWN, spec.attention.dim)], "numbers")
            for component in output:
                validate_number("outputs", component, -limit, limit)
