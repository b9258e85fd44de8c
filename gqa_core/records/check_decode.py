"""Whether a record of kind decode holds together: its numbers against configs and formulas.

What can be derived must agree with what it is derived from: the variant with the heads, the bytes
with the formula, the bound with bytes, FLOP and both probes. A record of version 1 has no matmul
rate, no floor and no padding, and its bound is that of the bytes alone; before version 3 none has
the kernel that attended. Free of torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gqa_core.configs import Workload, validate_int
from gqa_core.records import checks
from gqa_core.records.record import Record
from gqa_core.records.specs.decode import MAX_SAMPLES, DecodeSpec
from gqa_core.theory.prediction import Probes

FIELDS = (
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
WORKLOAD = ("context_len", "batch_size", "dtype", "n_layers")
SAMPLED = ("project", "append", "attend", "output", "step")


def check_decode(record: Record) -> None:
    """Nothing, if the fields of kind decode could be a measurement's.

    Raises:
        ValueError: one could not; names it, the rule and what came.
    """
    workload = checks.require_fields("workload", record["workload"], WORKLOAD)
    samples = checks.require_fields("samples_s", record["samples_s"], SAMPLED)
    point = DecodeSpec(
        attention=checks.layer(record["config"]),
        workload=Workload(context_len=workload["context_len"], batch_size=workload["batch_size"]),
        dtype=checks.text("workload.dtype", workload["dtype"]),
        n_layers=workload["n_layers"],
        kernel=checks.text("kernel_asked", record["kernel_asked"]),
        n_samples=checks.require_samples(samples),
    )
    checks.require_equal("variant", record["variant"], point.attention.variant)
    checks.require_kernel_ran(point.kernel, record["kernel_ran"])
    if "attend_kernel" in record:
        _require_attend_kernel(record["attend_kernel"], record)
    validate_int("n_warmup", record["n_warmup"], MAX_SAMPLES, least=0)
    checks.require_memory(
        record["memory"],
        point.formula_bytes,
        record["device"]["type"],
        padded=record["schema_version"] > 1,
    )
    _require_bound(point, record)
    checks.require_warnings(record["warnings"])


def _require_attend_kernel(kernel: object, record: Mapping[str, Any]) -> None:
    """MLA has any kernel that exists, since it never asks for one; all else the one that ran."""
    if record["variant"] == "MLA":
        checks.require_a_kernel("attend_kernel", kernel)
    else:
        checks.require_equal("attend_kernel", kernel, record["kernel_ran"])


def _require_bound(point: DecodeSpec, record: Mapping[str, Any]) -> None:
    limits = {
        "read_bandwidth_bytes_per_s": (1, checks.MAX_BYTES_PER_S),
        "matmul_flops_per_s": (1, checks.MAX_FLOPS_PER_S),
        "attend_overhead_s": (checks.MIN_S, checks.MAX_S),
    }
    probed = {name: record[name] for name in limits if name in record}
    for name, value in probed.items():
        checks.require_number(name, value, *limits[name])
    bound = record["bound_s"]
    checks.require_number("bound_s", bound, 0, checks.MAX_S)
    expected = Probes(**probed).bound_s(point.formula_bytes, point.flops)
    if not math.isclose(bound, expected, rel_tol=1e-9):
        raise ValueError(
            "bound_s must be the larger of formula_bytes / read_bandwidth_bytes_per_s and FLOP / "
            f"matmul_flops_per_s, {expected:g}: got {checks.shown(bound)}"
        )
