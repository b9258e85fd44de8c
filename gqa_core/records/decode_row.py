"""A decode record as one row of tables and charts: spread of its times, rates, predicted times.

Every time that is compared or divided by is a 5th percentile, the time with the least
interference; medians and tails stand beside it. Rates and shares come from the attend times and
count the formula's bytes, each read once; tokens per second are those of the measured layers alone.
The prediction uses the probes of the record's own run, so that it and the measurement met the same
machine at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gqa_core import units
from gqa_core.configs import AttentionConfig, ModelConfig, Variant, Workload
from gqa_core.records.header import MEASURED_HERE, Evidence
from gqa_core.records.kinds.decode import DecodeRecord
from gqa_core.records.noise import Verdict, verdict
from gqa_core.records.quartiles import Quartiles, TimeSummary
from gqa_core.records.specs.decode import CacheFormat
from gqa_core.theory.cost import arithmetic_intensity, decode_flops
from gqa_core.theory.formats import DtypeName, dtype_format
from gqa_core.theory.prediction import predicted_attend_s, predicted_step_s

__all__ = ["DecodeRow"]

BOUND_TOLERANCE = 0.03  # by which a time may be below its bound, for the noise of both


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRow:
    """One measured decode step: its record, the quartiles of each phase, and what theory says.

    `project` to `step` are seconds; `flops` and `arithmetic_intensity` are those of attending in
    the form that ran.
    """

    record: DecodeRecord
    evidence: Evidence
    project: TimeSummary
    append: TimeSummary
    attend: TimeSummary
    output: TimeSummary
    step: TimeSummary
    flops: int
    arithmetic_intensity: float
    predicted_attend_s: float
    predicted_step_s: float

    @classmethod
    def from_record(cls, record: DecodeRecord, evidence: Evidence = MEASURED_HERE) -> DecodeRow:
        """The row of a record."""
        workload = Workload(
            context_len=record.workload.context_len, batch_size=record.workload.batch_size
        )
        kv_format, probes = record.workload.kv_format, record.met_probes
        weight_format = dtype_format(record.workload.dtype)
        model = ModelConfig.uniform(record.config, record.workload.n_layers)
        cached = ModelConfig.uniform(record.spec.cached, record.workload.n_layers)
        return cls(
            record=record,
            evidence=evidence,
            **{
                name: TimeSummary.from_samples(samples)
                for name, samples in _samples(record).items()
            },
            flops=decode_flops(cached, workload),
            arithmetic_intensity=arithmetic_intensity(cached, workload, kv_format),
            predicted_attend_s=predicted_attend_s(cached, workload, kv_format, probes),
            predicted_step_s=predicted_step_s(
                model, cached, workload, kv_format, probes, weight_format=weight_format
            ),
        )

    @property
    def config(self) -> AttentionConfig:
        """The measured layer."""
        return self.record.config

    @property
    def variant(self) -> Variant:
        """The variant of the layer."""
        return self.record.variant

    @property
    def variant_name(self) -> str:
        """The variant, with its K/V heads or form where that says more: "GQA-8", "MLA naive"."""
        if self.variant == "GQA":
            return f"GQA-{self.n_kv_heads}"
        return f"MLA {self.record.kernel_ran}" if self.variant == "MLA" else self.variant

    @property
    def n_kv_heads(self) -> int | None:
        """K/V heads of the layer; None for MLA, which has none."""
        return getattr(self.record.config, "n_kv_heads", None)

    @property
    def context_len(self) -> int:
        """Tokens in the cache of each sequence."""
        return self.record.workload.context_len

    @property
    def batch_size(self) -> int:
        """Sequences."""
        return self.record.workload.batch_size

    @property
    def dtype(self) -> DtypeName:
        """Number format of weights and activations."""
        return self.record.workload.dtype

    @property
    def kv_format(self) -> CacheFormat:
        """Number format of the cache."""
        return self.record.workload.kv_format

    @property
    def is_quantised(self) -> bool:
        """True unless the cache has the number format of the dtype."""
        return self.kv_format != dtype_format(self.dtype)

    @property
    def n_layers(self) -> int:
        """Layers that ran."""
        return self.record.workload.n_layers

    @property
    def n_samples(self) -> int:
        """Repeats of the step."""
        return len(self.record.samples_s.step)

    @property
    def flops_per_s(self) -> Quartiles:
        """FLOP per second of attending, at the ends of the interval of its time and at the time."""
        return self.attend.undisturbed.rates(self.flops)

    @property
    def read_bytes_per_s(self) -> float:
        """Bytes of the cache read per second of attending."""
        return self.record.memory.formula_bytes / self.attend.p5

    @property
    def bandwidth_share(self) -> float | None:
        """Achieved over probed read bandwidth, at most 1; None where the bound does not hold."""
        if self.bound_doubt:
            return None
        return min(self.read_bytes_per_s / self.record.read_bandwidth_bytes_per_s, 1.0)

    @property
    def bound_doubt(self) -> str | None:
        """The reason why the bound is withheld: a time below it; None if it holds."""
        if self.attend.p5 >= (1 - BOUND_TOLERANCE) * self.record.bound_s:
            return None
        return (
            f"attending took {units.duration(self.attend.p5)}, less than the bound of "
            f"{units.duration(self.record.bound_s)}: other work slowed the probes, or they do not "
            "reach what this device can do"
        )

    @property
    def bound_s(self) -> float | None:
        """The least possible seconds of attending; None where the time is below it."""
        return None if self.bound_doubt else self.record.bound_s

    @property
    def bound_share(self) -> float | None:
        """Least possible over measured attend time, at most 1; None where the bound does not hold.

        A time that is below its bound by less than the tolerance counts as the bound itself.
        """
        return None if self.bound_s is None else min(self.bound_s / self.attend.p5, 1.0)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the samples: quiet, noisy or unusable."""
        times = {"attend": self.attend, "step": self.step}
        return verdict(times, self.record.bandwidth_samples_bytes_per_s)

    @property
    def tokens_per_s(self) -> float:
        """Tokens generated per second by the measured layers, all sequences ."""
        return self.batch_size / self.step.p5

    @property
    def attend_error(self) -> float:
        """Predicted over measured attend time, minus 1."""
        return self.predicted_attend_s / self.attend.p5 - 1

    @property
    def step_error(self) -> float:
        """Predicted over measured step time, minus 1."""
        return self.predicted_step_s / self.step.p5 - 1

    @property
    def is_usable(self) -> bool:
        """False if other work left nothing to read from the samples."""
        return self.verdict.name != "unusable"

    def to_dict(self) -> dict[str, Any]:
        """One flat row for a data frame, in plain values; quartiles as `NAME_q1_s` and so on."""
        record = self.record
        header = ("schema_version", "kind", "run_id", "point", "created_at", "git_commit")
        flat: dict[str, Any] = {"n_kv_heads": None}
        flat |= {name: getattr(record, name) for name in header}
        flat |= {"torch_version": record.torch_version}
        flat |= {f"device_{name}": value for name, value in _fields(record.device).items()}
        flat |= {**msgspec.to_builtins(record.config), **_fields(record.workload)}
        flat |= {name: getattr(record, name) for name in RECORD_COLUMNS}
        flat |= {**_fields(record.memory), "peak_bytes": record.memory.peak_bytes}
        for phase, samples in _samples(record).items():
            seconds: TimeSummary = getattr(self, phase)
            flat |= {
                f"{phase}_p5_s": seconds.p5,
                f"{phase}_p5_low_s": seconds.p5_low,
                f"{phase}_p5_high_s": seconds.p5_high,
                f"{phase}_q1_s": seconds.q1,
                f"{phase}_s": seconds.median,
                f"{phase}_q3_s": seconds.q3,
                f"{phase}_p95_s": seconds.p95,
                f"{phase}_p99_s": seconds.p99,
                f"{phase}_samples_s": list(samples),
            }
        rates = self.flops_per_s
        flat |= {
            "flops_q1_per_s": rates.q1,
            "flops_per_s": rates.median,
            "flops_q3_per_s": rates.q3,
        }
        flat |= {name: getattr(self, name) for name in DERIVED_COLUMNS}
        return flat | {
            "verdict": self.verdict.name,
            "warnings": list(record.warnings),
            "evidence": self.evidence,
        }


RECORD_COLUMNS = (
    "variant",
    "kernel_asked",
    "kernel_ran",
    "attend_kernel",
    "sdpa_backend",
    "n_warmup",
    "read_bandwidth_bytes_per_s",
    "arithmetic_flops_per_s",
    "attend_overhead_s",
)
DERIVED_COLUMNS = (
    "n_samples",
    "bound_s",
    "bound_doubt",
    "read_bytes_per_s",
    "bandwidth_share",
    "tokens_per_s",
    "flops",
    "arithmetic_intensity",
    "bound_share",
    "predicted_attend_s",
    "attend_error",
    "predicted_step_s",
    "step_error",
)


def _samples(record: DecodeRecord) -> dict[str, tuple[float, ...]]:
    return _fields(record.samples_s)


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)
