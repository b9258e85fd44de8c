"""A measured decode step that several ranks shared: what each held, sent, and took.

A kind of its own beside `decode`: its times are those of several processes, so that no table of one
device's steps takes it for one of them. Raw samples are kept per rank, in the same order on all:
the i-th samples of all ranks are of one pass, before which all waited for each other. The times of
a pass are derived from them (`samples_s`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec import Struct

from gqa_core.configs import (
    MAX_HEADS,
    AttentionConfig,
    ConcreteKernel,
    GroupedConfig,
    KernelName,
    LatentConfig,
    Variant,
    Workload,
    validate_int,
)
from gqa_core.records.header import Device, RecordHeader, RunHeader, header_fields
from gqa_core.records.kinds.decode import DecodeWorkload, config_from
from gqa_core.records.kinds.sharded_places import Backend, validate_places
from gqa_core.records.kinds.sharded_samples import ShardedSamples, slowest_rank
from gqa_core.records.noise import Verdict, verdict, worst_verdict
from gqa_core.records.quartiles import TimeSummary
from gqa_core.records.specs.decode import MAX_SAMPLES, DecodeSpec, LatentForm
from gqa_core.records.specs.sharded import LSE_KERNELS, ShardedSpec
from gqa_core.records.step_timing import StepTiming
from gqa_core.records.validation import (
    MAX_BYTES,
    MAX_BYTES_PER_S,
    validate_count,
    validate_equal,
    validate_number,
    validate_option,
    validate_warnings,
)

__all__ = [
    "CPU_WARNING",
    "RankResult",
    "ShardedMeasurement",
    "ShardedRecord",
    "WireCount",
]

MAX_BANDWIDTH_SAMPLES = 200
MAX_NODES = 4096
CPU_WARNING = "ranks on one CPU: evidence of equality and bytes, not of speed"

if TYPE_CHECKING:
    Config = AttentionConfig
else:
    Config = Any  # as in `kinds.decode`


class WireCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bytes that a rank sent in one step, all layers, counted from the tensors of its collectives.

    A ring of n ranks sends 2 (n - 1) / n of a tensor in an all-reduce, (n - 1) / n of the input of
    a reduce-scatter, and n - 1 times what a rank contributes to a gather.
    """

    all_reduce: int = 0
    query_gather: int = 0
    lse_gather: int = 0
    output_scatter: int = 0

    @property
    def total(self) -> int:
        """Bytes of all four."""
        return self.all_reduce + self.query_gather + self.lse_gather + self.output_scatter


class RankResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rank: where it ran, what its own cache tensors take, what it sent, and its samples.

    `node` counts the machines of the run. `n_tokens` are those kept of each sequence, `n_heads` the
    query heads projected here, and `n_kv_heads` the K/V heads cached here; None of a latent. Bytes
    are of all layers.
    """

    rank: int
    node: int
    device: Device
    n_tokens: int
    n_heads: int
    n_kv_heads: int | None
    formula_bytes: int
    tensor_bytes: int
    padding_bytes: int
    wire_bytes: WireCount
    samples_s: ShardedSamples
    bandwidth_samples_bytes_per_s: tuple[float, ...]

    def validate(self) -> None:
        """Raise ValueError unless the numbers are ones that a rank can have."""
        self.device.validate()
        validate_int("ranks.node", self.node, MAX_NODES, least=0)
        validate_int("ranks.padding_bytes", self.padding_bytes, MAX_BYTES, least=0)
        self.samples_s.validate()
        name, samples = "ranks.bandwidth_samples_bytes_per_s", self.bandwidth_samples_bytes_per_s
        validate_count(name, samples, range(1, MAX_BANDWIDTH_SAMPLES + 1), "rates")
        for rate in samples:
            validate_number(name, rate, 1, MAX_BYTES_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedMeasurement:
    """The result of measuring a sharded spec, on rank 0."""

    torch_version: str
    device: Device
    backend: Backend
    kernel_ran: ConcreteKernel | LatentForm
    attend_kernel: ConcreteKernel
    n_warmup: int
    timing: StepTiming
    ranks: tuple[RankResult, ...]


class ShardedRecord(
    RecordHeader, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sharded"
):
    """One measured step of `world_size` ranks; `device` is that of rank 0.

    `wire_formula_bytes` are what every rank sends in one step by `theory.collectives`.
    """

    kind = "sharded"

    config: Config
    workload: DecodeWorkload
    variant: Variant
    kernel_asked: KernelName | LatentForm
    kernel_ran: ConcreteKernel | LatentForm
    attend_kernel: ConcreteKernel
    tp: int
    dcp: int
    world_size: int
    backend: Backend
    n_warmup: int
    timing: StepTiming
    wire_formula_bytes: int
    ranks: tuple[RankResult, ...]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.config, GroupedConfig | LatentConfig):
            msgspec.structs.force_setattr(self, "config", config_from(self.config))

    @classmethod
    def from_measurement(
        cls, spec: ShardedSpec, measurement: ShardedMeasurement, run: RunHeader, point: int
    ) -> ShardedRecord:
        """The record of a point: what was asked and what came out."""
        decode, m = spec.decode, measurement
        return cls(
            **header_fields(run, point, m.torch_version, m.device),
            config=decode.attention,
            workload=DecodeWorkload.from_spec(decode),
            variant=decode.attention.variant,
            kernel_asked=decode.kernel,
            kernel_ran=m.kernel_ran,
            attend_kernel=m.attend_kernel,
            tp=spec.tp,
            dcp=spec.dcp,
            world_size=len(m.ranks),
            backend=m.backend,
            n_warmup=m.n_warmup,
            timing=m.timing,
            wire_formula_bytes=decode.n_layers * spec.wire.per_layer,
            ranks=m.ranks,
            warnings=_warnings(m.device, spec.tp, m.timing),
        )

    @property
    def spec(self) -> ShardedSpec:
        """The spec that was measured.

        Raises:
            ValueError: there can be no such spec.
        """
        workload = self.workload
        decode = DecodeSpec(
            attention=self.config,
            workload=Workload(context_len=workload.context_len, batch_size=workload.batch_size),
            dtype=workload.dtype,
            n_layers=workload.n_layers,
            kv_format=workload.kv_format,
            kernel=self.kernel_asked,
            n_samples=len(self.ranks[0].samples_s.step) if self.ranks else 0,
        )
        return ShardedSpec(decode=decode, tp=self.tp, dcp=self.dcp)

    @property
    def samples_s(self) -> ShardedSamples:
        """Seconds of each pass of all ranks together: those of the slowest rank."""
        return slowest_rank([rank.samples_s for rank in self.ranks])

    @property
    def bytes_per_rank(self) -> tuple[int, ...]:
        """Bytes of each rank's own cache tensors."""
        return tuple(rank.tensor_bytes for rank in self.ranks)

    @property
    def copied_bytes(self) -> int:
        """Bytes that the ranks keep together beyond those of one cache."""
        return sum(self.bytes_per_rank) - self.spec.decode.formula_bytes

    @property
    def verdict(self) -> Verdict:
        """The verdict on the samples, the worst of all ranks' probes."""
        samples = self.samples_s
        times = {
            "attend": TimeSummary.from_samples(samples.attend),
            "step": TimeSummary.from_samples(samples.step),
        }
        return worst_verdict(
            verdict(times, rank.bandwidth_samples_bytes_per_s) for rank in self.ranks
        )

    def validate(self) -> None:
        """Raise ValueError unless all fields agree with each other and with the formulas."""
        RecordHeader.validate(self)
        spec = self.spec
        validate_equal("variant", self.variant, self.config.variant)
        validate_equal("world_size", self.world_size, spec.tp)
        validate_count("ranks", self.ranks, [spec.tp], "ranks")
        devices, nodes = [r.device for r in self.ranks], [r.node for r in self.ranks]
        validate_places(self.device, self.backend, self.timing, devices, nodes)
        self._validate_kernels()
        validate_int("n_warmup", self.n_warmup, MAX_SAMPLES, least=0)
        self.timing.validate()
        wire_bytes = spec.decode.n_layers * spec.wire.per_layer
        validate_equal("wire_formula_bytes", self.wire_formula_bytes, wire_bytes)
        for number, rank in enumerate(self.ranks):
            rank.validate()
            self._validate_rank(spec, number, rank)
        validate_warnings(self.warnings)
        validate_equal("warnings", self.warnings, _warnings(self.device, self.tp, self.timing))

    def _validate_rank(self, spec: ShardedSpec, number: int, rank: RankResult) -> None:
        """A rank holds and sends exactly what the formulas say."""
        part = spec.part(number)
        n_kv_heads = part.n_kv_heads if isinstance(part, GroupedConfig) else None
        expected = {
            "rank": number,
            "n_tokens": spec.n_tokens(number),
            "n_heads": len(spec.shards[number].query_heads),
            "n_kv_heads": n_kv_heads,
            "formula_bytes": spec.rank_bytes(number),
            "tensor_bytes": spec.rank_bytes(number),
        }
        for name, value in expected.items():
            validate_equal(f"ranks.{name}", getattr(rank, name), value)
        n_layers = spec.decode.n_layers
        for name, n_bytes in msgspec.structs.asdict(rank.wire_bytes).items():
            expected_bytes = n_layers * getattr(spec.wire, name)
            validate_equal(f"ranks.wire_bytes.{name}", n_bytes, expected_bytes)
        samples = self.ranks[0].samples_s
        for name, seconds in msgspec.structs.asdict(rank.samples_s).items():
            counts = [len(getattr(samples, name))]
            validate_count(f"ranks.samples_s.{name}", seconds, counts, "seconds")

    def _validate_kernels(self) -> None:
        """A kernel asked for by name is the one that ran; MLA's form attends by any kernel."""
        validate_option("attend_kernel", self.attend_kernel, get_args(ConcreteKernel))
        if self.variant == "MLA":
            validate_equal("kernel_ran", self.kernel_ran, self.kernel_asked)
        else:
            validate_equal("kernel_ran", self.kernel_ran, self.attend_kernel)
            if self.kernel_asked != "auto":
                validate_equal("kernel_ran", self.kernel_ran, self.kernel_asked)
        if self.dcp > 1:
            validate_option("attend_kernel", self.attend_kernel, LSE_KERNELS)
        validate_int("tp", self.tp, MAX_HEADS)


def _warnings(device: Device, tp: int, timing: StepTiming) -> tuple[str, ...]:
    """The warnings of a record: ranks that share a CPU, and the note of the timing."""
    warnings = [CPU_WARNING] if device.type == "cpu" and tp > 1 else []
    return (*warnings, *([timing.note] if timing.note else []))
