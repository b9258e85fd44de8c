"""Records that look measured, for tests of what reads them."""

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.records.record import ADDED, DECODE
from gqa_core.records.specs.decode import DecodeSpec

LAYER = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)


def point(attention=LAYER, context_len=64, **how):
    return DecodeSpec(attention=attention, workload=Workload(context_len=context_len), **how)


def measured(attend=(0.002, 0.002, 0.002), step=0.010, step_samples=None, **changed):
    """What `measure_decode` returns, with these attend seconds, and one `step` unless told."""
    samples = {phase: [0.001] * len(attend) for phase in ("project", "append", "output")}
    answer = {
        "torch_version": "2.13.0",
        "device": {"type": "cpu", "name": "A CPU", "n_threads": 2},
        "kernel_ran": "packed",
        "attend_kernel": "packed",
        "n_warmup": 3,
        "samples_s": samples
        | {"attend": list(attend), "step": step_samples or [step] * len(attend)},
        "memory": {
            "formula_bytes": 16384,
            "tensor_bytes": 16384,
            "padding_bytes": 0,
            "allocator_peak_bytes": None,
            "process_peak_bytes": 120_000,
            "baseline_bytes": 100_000,
        },
        "read_bandwidth_bytes_per_s": 32_768_000.0,
        "matmul_flops_per_s": 131_072_000.0,  # LAYER over 64 tokens is 32,768 FLOP: 0.25 ms
        "attend_overhead_s": 0.0001,
        "bound_s": 0.0005,
        "peak_was_reset": True,
    }
    return answer | changed


def record(index=0, run_id="run-1", created_at="2026-11-23T20:00:00+00:00", asked=None, **changed):
    header = {"run_id": run_id, "point": index, "git_commit": None}
    return DECODE.record(asked or point(), measured(**changed), header) | {"created_at": created_at}


def of_version_2(record):
    """The record as it was written before it told the kernel that attends for MLA."""
    old = {name: value for name, value in record.items() if ADDED.get(name, 1) <= 2}
    return old | {"schema_version": 2}


def of_version_1(record):
    """The record as it was written before matmul rate, floor and padding were measured."""
    old = {name: value for name, value in record.items() if name not in ADDED}
    memory = {name: value for name, value in old["memory"].items() if name != "padding_bytes"}
    return old | {"schema_version": 1, "memory": memory}


RECORD_FIELDS = (
    "schema_version",
    "kind",
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
    "n_warmup",
    "samples_s",
    "memory",
    "read_bandwidth_bytes_per_s",
    "matmul_flops_per_s",
    "attend_overhead_s",
    "bound_s",
    "warnings",
)
