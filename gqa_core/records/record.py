"""Records: what was asked, what ran, raw samples. Statistics are derived when a record is read.

A record is one JSON object for one measured point, of a kind; `config`
holds the layer's numbers under the names of its config class. In `memory`, the process's peak and
baseline are whole, and the allocator's peak is what an accelerator's allocator held above its own
baseline, null on a CPU. `kernel_ran` of MLA is its form, `attend_kernel` what attended for it; of
any other layer both are the kernel. Free of torch and pandas.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig
from gqa_core.records.against_theory import against_theory
from gqa_core.records.specs.decode import CacheSpec, DecodeSpec

SCHEMA_VERSION = 3
VERSIONS = (1, 2, SCHEMA_VERSION)  # that are read
ADDED: Mapping[str, int] = MappingProxyType(
    {  # fields of a decode record, and the version from which on it has them
        "attend_kernel": 3,
        "matmul_flops_per_s": 2,
        "attend_overhead_s": 2,
    }
)
WIDE_SPREAD = 0.10

MEASURED_HERE, MEASURED_ELSEWHERE = "measured here", "measured elsewhere"

Record = dict[str, Any]


class Point(Protocol):
    """What can be asked of a run: how much memory it takes, and its name for people."""

    @property
    def cache_specs(self) -> Sequence[CacheSpec]:
        """The caches it lays out, for whom kernels are compiled beforehand."""

    @property
    def formula_bytes(self) -> int:
        """Bytes the formula gives for its caches."""

    @property
    def required_bytes(self) -> int:
        """Bytes it takes in all while it runs."""


@dataclass(frozen=True)
class Kind:
    """A kind of measurement: what a worker runs for a point, and what a record keeps of it."""

    name: str
    module: str
    function: str
    keep: Callable[[Any, Mapping[str, Any]], Record]
    verb: str = "timing"

    def record(
        self, point: Point, measured: Mapping[str, Any], header: Mapping[str, Any]
    ) -> Record:
        """The record of a point: the header's run_id, point and git_commit, then what was kept."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": self.name,
            "run_id": header["run_id"],
            "point": header["point"],
            "created_at": datetime.now(UTC).isoformat(),
            "git_commit": header["git_commit"],
            "torch_version": measured["torch_version"],
            "device": measured["device"],
            **self.keep(point, measured),
        }


def _keep_decode(point: DecodeSpec, measured: Mapping[str, Any]) -> Record:
    return {
        "config": dataclasses.asdict(point.attention),
        "workload": {
            "context_len": point.workload.context_len,
            "batch_size": point.workload.batch_size,
            "dtype": point.dtype,
            "n_layers": point.n_layers,
        },
        "variant": point.attention.variant,
        "kernel_asked": point.kernel,
        "kernel_ran": measured["kernel_ran"],
        "attend_kernel": measured["attend_kernel"],
        "n_warmup": measured["n_warmup"],
        "samples_s": measured["samples_s"],
        "memory": measured["memory"],
        "read_bandwidth_bytes_per_s": measured["read_bandwidth_bytes_per_s"],
        "matmul_flops_per_s": measured["matmul_flops_per_s"],
        "attend_overhead_s": measured["attend_overhead_s"],
        "bound_s": measured["bound_s"],
        "warnings": _warnings(measured),
    }


DECODE = Kind("decode", "gqa_core.measure.decode", "measure_decode", _keep_decode)


def config_of(record: Mapping[str, Any]) -> AttentionConfig:
    """The layer a record was measured with.

    Raises:
        ValueError: its numbers are out of bounds.
    """
    kind = GroupedConfig if "n_kv_heads" in record["config"] else LatentConfig
    return kind(**record["config"])


def quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile of at least one sample."""
    if len(samples) == 1:
        return (samples[0],) * 3
    return tuple(statistics.quantiles(samples, n=4, method="inclusive"))


def peak_bytes(record: Mapping[str, Any]) -> int:
    """Bytes held above the baseline at the worst: the allocator's, or the process's on a CPU."""
    memory = record["memory"]
    if memory["allocator_peak_bytes"] is not None:
        return memory["allocator_peak_bytes"]
    return memory["process_peak_bytes"] - memory["baseline_bytes"]


def row(record: Mapping[str, Any]) -> dict[str, Any]:
    """One flat row: what was asked and ran, medians and quartiles, rates from the attend median.

    Bytes per second and the share of bandwidth count the formula's bytes, each read once; tokens
    per second are those of the measured layers alone. What an older record lacks is None.
    """
    workload, samples = record["workload"], record["samples_s"]
    flat = dict.fromkeys(("n_kv_heads", "padding_bytes", *ADDED))
    if record["variant"] != "MLA":
        flat["attend_kernel"] = record["kernel_ran"]  # older records have it under this name alone
    flat |= {name: value for name, value in record.items() if not isinstance(value, dict)}
    flat |= {f"device_{name}": value for name, value in record["device"].items()}
    flat |= {**record["config"], **workload, **record["memory"]}
    for phase, values in samples.items():
        names = f"{phase}_q1_s", f"{phase}_s", f"{phase}_q3_s"
        flat |= zip(names, quartiles(values), strict=True)
        flat[f"{phase}_samples_s"] = values
    flat["n_samples"] = len(samples["attend"])
    flat["peak_bytes"] = peak_bytes(record)
    flat["read_bytes_per_s"] = flat["formula_bytes"] / flat["attend_s"]
    flat["bandwidth_share"] = flat["read_bytes_per_s"] / record["read_bandwidth_bytes_per_s"]
    flat["tokens_per_s"] = workload["batch_size"] / flat["step_s"]
    attend = quartiles(samples["attend"])
    return flat | against_theory(config_of(record), record, attend, flat["step_s"])


def _warnings(measured: Mapping[str, Any]) -> list[str]:
    found = []
    for phase in ("attend", "step"):
        low, middle, high = quartiles(measured["samples_s"][phase])
        if high - low > WIDE_SPREAD * middle:
            spread = (high - low) / middle
            found.append(f"{phase}: spread over 10% (interquartile range {spread:.0%})")
    if not measured["peak_was_reset"]:
        found.append("process peak: cannot be reset on this system, includes set-up")
    return found
