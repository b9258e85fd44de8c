"""Whether a record of kind decode holds together: its numbers against configs and formulas.

What can be derived must agree with what it is derived from: the variant with the heads, the bytes
with the formula, the bound with bytes and bandwidth. Free of torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gqa_core.configs import Workload, require_int
from gqa_core.measure import checks
from gqa_core.measure.point import MAX_SAMPLES, DecodePoint
from gqa_core.measure.record import Record

FIELDS = (
    "config",
    "workload",
    "variant",
    "kernel_asked",
    "kernel_ran",
    "n_warmup",
    "samples_s",
    "memory",
    "read_bandwidth_bytes_per_s",
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
    point = DecodePoint(
        attention=checks.layer(record["config"]),
        workload=Workload(context_len=workload["context_len"], batch_size=workload["batch_size"]),
        dtype=checks.text("workload.dtype", workload["dtype"]),
        n_layers=workload["n_layers"],
        kernel=checks.text("kernel_asked", record["kernel_asked"]),
        n_samples=checks.require_samples(samples),
    )
    checks.require_equal("variant", record["variant"], point.attention.variant)
    checks.require_kernel_ran(point.kernel, record["kernel_ran"])
    require_int("n_warmup", record["n_warmup"], MAX_SAMPLES, least=0)
    checks.require_memory(record["memory"], point.formula_bytes, record["device"]["type"])
    _require_bound(point, record)
    checks.require_warnings(record["warnings"])


def _require_bound(point: DecodePoint, record: Mapping[str, Any]) -> None:
    bandwidth, bound = record["read_bandwidth_bytes_per_s"], record["bound_s"]
    checks.require_number("read_bandwidth_bytes_per_s", bandwidth, 1, checks.MAX_BYTES_PER_S)
    checks.require_number("bound_s", bound, 0, checks.MAX_S)
    expected = point.formula_bytes / bandwidth
    if not math.isclose(bound, expected, rel_tol=1e-9):
        raise ValueError(
            f"bound_s must be formula_bytes / read_bandwidth_bytes_per_s, {expected:g}: "
            f"got {checks.shown(bound)}"
        )
