"""A measured decode step: what was asked, what ran, raw samples by phase, memory and probes.

`kernel_ran` of MLA is its form, and `attend_kernel` the kernel that attended for it; for any other
layer both are the kernel. `step` is timed whole, apart from the phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
from msgspec import Struct

from gqa_core.configs import (
    SDPA_KERNELS,
    AttentionConfig,
    ConcreteKernel,
    GroupedConfig,
    KernelName,
    LatentConfig,
    SdpaBackend,
    Variant,
    Workload,
    validate_int,
)
from gqa_core.records.device_clocks import DeviceClocks, clock_warnings, validate_clocks
from gqa_core.records.header import Device, RecordHeader, RunHeader, header_fields
from gqa_core.records.kinds.decode_samples import DecodeSamples
from gqa_core.records.memory import PEAK_WARNING, Memory
from gqa_core.records.specs.decode import MAX_SAMPLES, CacheFormat, DecodeSpec, LatentForm
from gqa_core.records.step_timing import StepTiming
from gqa_core.records.structure import convert
from gqa_core.records.validation import (
    MAX_BYTES_PER_S,
    MAX_FLOPS_PER_S,
    MAX_S,
    MIN_S,
    quoted,
    validate_count,
    validate_equal,
    validate_number,
    validate_option,
    validate_warnings,
)
from gqa_core.theory.formats import DtypeName
from gqa_core.theory.prediction import Probes

__all__ = [
    "DecodeMeasurement",
    "DecodeRecord",
    "DecodeSamples",
    "DecodeWorkload",
    "Phase",
    "config_from",
]

Phase = Literal["project", "append", "attend", "output"]
MAX_BANDWIDTH_SAMPLES = 10 * MAX_SAMPLES

if TYPE_CHECKING:
    Config = AttentionConfig
else:
    Config = Any  # msgspec takes one kind of object per union: __post_init__ tells the two apart


class DecodeWorkload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The asked step: tokens cached per sequence, its own included; `n_layers` really ran.

    `kv_format` is the number format of the cache, `dtype` that of weights and activations.
    """

    context_len: int
    batch_size: int
    dtype: DtypeName
    kv_format: CacheFormat
    n_layers: int

    @classmethod
    def from_spec(cls, spec: DecodeSpec) -> DecodeWorkload:
        """The step that a spec asks for."""
        return cls(
            context_len=spec.workload.context_len,
            batch_size=spec.workload.batch_size,
            dtype=spec.dtype,
            kv_format=spec.cache_format,
            n_layers=spec.n_layers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeMeasurement:
    """The result of measuring a decode spec: the part of a record that only running provides."""

    torch_version: str
    device: Device
    kernel_ran: ConcreteKernel | LatentForm
    attend_kernel: ConcreteKernel
    n_warmup: int
    samples_s: DecodeSamples
    memory: Memory
    probes: Probes
    bandwidth_samples_bytes_per_s: tuple[float, ...]
    bound_s: float
    peak_was_reset: bool
    timing: StepTiming
    sdpa_backend: SdpaBackend | None = None
    clocks_before: DeviceClocks | None = None
    clocks_after: DeviceClocks | None = None


class DecodeRecord(
    RecordHeader, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="decode"
):
    """One measured decode step.

    `bandwidth_samples_bytes_per_s` are those of whole passes of the probe, in order: before,
    between and after the samples of the step. `read_bandwidth_bytes_per_s` is the best of any part
    of them. `sdpa_backend` is what torch's scaled_dot_product_attention said that it took; None of
    a kernel that does not call it, and where torch was not asked.
    """

    kind = "decode"

    config: Config
    workload: DecodeWorkload
    variant: Variant
    kernel_asked: KernelName | LatentForm
    kernel_ran: ConcreteKernel | LatentForm
    attend_kernel: ConcreteKernel
    sdpa_backend: SdpaBackend | None
    n_warmup: int
    samples_s: DecodeSamples
    memory: Memory
    read_bandwidth_bytes_per_s: float
    bandwidth_samples_bytes_per_s: tuple[float, ...]
    arithmetic_flops_per_s: float
    attend_overhead_s: float
    bound_s: float
    timing: StepTiming
    clocks_before: DeviceClocks | None
    clocks_after: DeviceClocks | None
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.config, GroupedConfig | LatentConfig):
            msgspec.structs.force_setattr(self, "config", config_from(self.config))

    @classmethod
    def from_measurement(
        cls, spec: DecodeSpec, measurement: DecodeMeasurement, run: RunHeader, point: int
    ) -> DecodeRecord:
        """The record of a point: what was asked and what came out."""
        samples, probes = measurement.samples_s, measurement.probes
        return cls(
            **header_fields(run, point, measurement.torch_version, measurement.device),
            config=spec.attention,
            workload=DecodeWorkload.from_spec(spec),
            variant=spec.attention.variant,
            kernel_asked=spec.kernel,
            kernel_ran=measurement.kernel_ran,
            attend_kernel=measurement.attend_kernel,
            n_warmup=measurement.n_warmup,
            samples_s=samples,
            memory=measurement.memory,
            **msgspec.to_builtins(probes),
            bandwidth_samples_bytes_per_s=measurement.bandwidth_samples_bytes_per_s,
            bound_s=measurement.bound_s,
            timing=measurement.timing,
            sdpa_backend=measurement.sdpa_backend,
            clocks_before=measurement.clocks_before,
            clocks_after=measurement.clocks_after,
            warnings=(
                *[PEAK_WARNING] * (not measurement.peak_was_reset),
                *clock_warnings(measurement.clocks_before, measurement.clocks_after),
                *([measurement.timing.note] if measurement.timing.note else []),
            ),
        )

    @property
    def spec(self) -> DecodeSpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        return DecodeSpec(
            attention=self.config,
            workload=Workload(
                context_len=self.workload.context_len, batch_size=self.workload.batch_size
            ),
            dtype=self.workload.dtype,
            n_layers=self.workload.n_layers,
            kv_format=self.workload.kv_format,
            kernel=self.kernel_asked,
            n_samples=len(self.samples_s.step),
        )

    @property
    def probes(self) -> Probes:
        """The rates and the overhead that the record's own run probed."""
        return Probes(
            read_bandwidth_bytes_per_s=self.read_bandwidth_bytes_per_s,
            arithmetic_flops_per_s=self.arithmetic_flops_per_s,
            attend_overhead_s=self.attend_overhead_s,
        )

    @property
    def met_probes(self) -> Probes:
        """The probes as the step met them: the bandwidth that one in twenty passes exceeded.

        A time is the 5th percentile of its samples, so a prediction has to use a bandwidth that was
        there as often; the best one of the run may have lasted for a moment. A record without
        samples of the bandwidth has the best one alone.
        """
        ordered = sorted(self.bandwidth_samples_bytes_per_s)
        if not ordered:
            return self.probes
        return replace(self.probes, read_bandwidth_bytes_per_s=ordered[-1 - len(ordered) // 20])

    def validate(self) -> None:
        """Raise ValueError unless all fields agree with each other and with the formulas."""
        RecordHeader.validate(self)
        self.samples_s.validate()
        spec = self.spec
        validate_equal("variant", self.variant, self.config.variant)
        self._validate_kernels()
        validate_int("n_warmup", self.n_warmup, MAX_SAMPLES, least=0)
        self.memory.validate(spec.formula_bytes, spec.formula_bytes, self.device.type)
        self._validate_bound(spec)
        self.timing.validate()
        validate_clocks(self.clocks_before, self.clocks_after, self.device.type)
        validate_warnings(self.warnings)

    def _validate_kernels(self) -> None:
        """A kernel asked for by name is the one that ran; MLA's form attends by any kernel."""
        if self.kernel_asked == "auto":
            validate_option("kernel_ran", self.kernel_ran, get_args(ConcreteKernel))
        else:
            validate_equal("kernel_ran", self.kernel_ran, self.kernel_asked)
        if self.variant != "MLA":
            validate_equal("attend_kernel", self.attend_kernel, self.kernel_ran)
        if self.sdpa_backend is not None:
            validate_option("sdpa_backend", self.sdpa_backend, get_args(SdpaBackend))
            validate_option("attend_kernel", self.attend_kernel, SDPA_KERNELS)

    def _validate_bandwidth_samples(self) -> None:
        """No sample is above the record's bandwidth; earlier versions kept no samples."""
        name, samples = "bandwidth_samples_bytes_per_s", self.bandwidth_samples_bytes_per_s
        validate_count(name, samples, range(MAX_BANDWIDTH_SAMPLES + 1), "rates")
        if not all(1 <= rate <= MAX_BYTES_PER_S for rate in samples):
            for rate in samples:
                validate_number(name, rate, 1, MAX_BYTES_PER_S)
        best = max(samples, default=0)
        if round(self.read_bandwidth_bytes_per_s) < best:
            raise ValueError(
                f"read_bandwidth_bytes_per_s must be at least the best of {name}, {best:g}: "
                f"got {quoted(self.read_bandwidth_bytes_per_s)}"
            )

    def _validate_bound(self, spec: DecodeSpec) -> None:
        rates = self.read_bandwidth_bytes_per_s, self.arithmetic_flops_per_s
        validate_number("read_bandwidth_bytes_per_s", rates[0], 1, MAX_BYTES_PER_S)
        self._validate_bandwidth_samples()
        validate_number("arithmetic_flops_per_s", rates[1], 1, MAX_FLOPS_PER_S)
        validate_number("attend_overhead_s", self.attend_overhead_s, MIN_S, MAX_S)
        validate_number("bound_s", self.bound_s, 0, MAX_S)
        expected = self.probes.bound_s(spec.formula_bytes, spec.flops)
        if not math.isclose(self.bound_s, expected, rel_tol=1e-9):
            raise ValueError(
                "bound_s must be the larger of formula_bytes / read_bandwidth_bytes_per_s and FLOP "
                f"/ arithmetic_flops_per_s, {expected:g}: got {quoted(self.bound_s)}"
            )


def config_from(config: object) -> AttentionConfig:
    """The layer that a parsed `config` describes; the latent one is known by its kv_lora_rank."""
    if isinstance(config, dict) and "kv_lora_rank" in config:
        return convert(config, LatentConfig, "config")
    return convert(config, GroupedConfig, "config")
