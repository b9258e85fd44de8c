"""Decode records that look measured, for tests of the code that reads them."""

from msgspec import structs

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import Device, RunHeader
from gqa_core.records.kinds.decode import DecodeMeasurement, DecodeRecord, DecodeSamples
from gqa_core.records.memory import Memory
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.records.step_timing import StepTiming
from gqa_core.theory.prediction import Probes

LAYER = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
CPU = Device(type="cpu", name="A CPU", n_threads=2)
MEMORY = Memory(
    formula_bytes=16384,
    tensor_bytes=16384,
    padding_bytes=0,
    allocator_peak_bytes=None,
    process_peak_bytes=120_000,
    baseline_bytes=100_000,
)


def point(attention=LAYER, context_len=64, **options):
    return DecodeSpec(attention=attention, workload=Workload(context_len=context_len), **options)


def around(p5, *, low, high, median):
    """21 seconds with this 5th percentile, ends of its 95% interval, and median (the largest)."""
    return (low, p5, p5, high, *[median] * 17)


UNUSABLE = around(0.002, low=0.001, high=0.0025, median=0.0035)  # an interval of 0.75 of the p5
NOISY_BANDWIDTHS = [32_768_000.0, *[8_192_000.0] * 4]  # the usual pass reaches a quarter


def measured(
    attend=(0.002, 0.002, 0.002),
    step=0.010,
    step_samples=None,
    read_bandwidth_bytes_per_s=32_768_000.0,
    arithmetic_flops_per_s=131_072_000.0,  # LAYER over 64 tokens is 32,768 FLOP: 0.25 ms
    attend_overhead_s=0.0001,
    bandwidth_samples_bytes_per_s=None,
    **changed,
):
    """A result of `measure_decode`: these attend seconds, the same `step` without its samples."""
    fixed = (0.001,) * len(attend)
    fields = {
        "torch_version": "2.13.0",
        "device": CPU,
        "kernel_ran": "packed",
        "attend_kernel": "packed",
        "n_warmup": 3,
        "samples_s": DecodeSamples(
            project=fixed,
            append=fixed,
            attend=tuple(attend),
            output=fixed,
            step=tuple(step_samples or [step] * len(attend)),
        ),
        "memory": MEMORY,
        "probes": Probes(
            read_bandwidth_bytes_per_s=read_bandwidth_bytes_per_s,
            arithmetic_flops_per_s=arithmetic_flops_per_s,
            attend_overhead_s=attend_overhead_s,
        ),
        "bandwidth_samples_bytes_per_s": tuple(
            bandwidth_samples_bytes_per_s or [read_bandwidth_bytes_per_s] * 4
        ),
        "bound_s": 0.0005,
        "peak_was_reset": True,
        "timing": StepTiming(method="clock"),
    }
    return DecodeMeasurement(**fields | changed)


def record(index=0, run_id="run-1", created_at="2026-11-23T20:00:00+00:00", spec=None, **changed):
    """The record of a spec (LAYER at 64 tokens) with this measurement."""
    run = RunHeader(run_id=run_id, git_commit=None)
    built = DecodeRecord.from_measurement(spec or point(), measured(**changed), run, index)
    return structs.replace(built, created_at=created_at)


def row(*arguments, **changed):
    """The row of a record with these arguments."""
    return DecodeRow.from_record(record(*arguments, **changed))


RECORD_FIELDS = (
    "kind",
    "schema_version",
    "run_id",
    "point",
    "created_at",
    "git_commit",
    "torch_version",
    "device",
    "config",
    "workload",
    "variant",
    "kernel_asked",
    "kernel_ran",
    "attend_kernel",
    "sdpa_backend",
    "n_warmup",
    "samples_s",
    "memory",
    "read_bandwidth_bytes_per_s",
    "bandwidth_samples_bytes_per_s",
    "arithmetic_flops_per_s",
    "attend_overhead_s",
    "bound_s",
    "timing",
    "clocks_before",
    "clocks_after",
    "warnings",
)
