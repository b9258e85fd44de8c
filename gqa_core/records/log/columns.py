"""The columns of a record's row: what lists, filters and charts need without reading its body.

`record_columns` is the one place that derives them. A new column is one line there, one in
`tables.py`, and a step in `migrations.py` that fills it from the bodies of a log that exists.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from gqa_core.configs import AttentionConfig
from gqa_core.records.header import Evidence
from gqa_core.records.kinds import DecodeRecord, Record, ShardedRecord, VerifyRecord
from gqa_core.records.log.tables import RECORDS
from gqa_core.records.noise import verdict
from gqa_core.records.quartiles import TimeSummary

__all__ = ["config_key", "record_columns", "unreadable_columns", "variant_with_form"]

NAMES = tuple(column.name for column in RECORDS.columns if column.name != "id")


def record_columns(record: Record, evidence: Evidence) -> dict[str, Any]:
    """The values of a record's columns; those that its kind does not have are None."""
    columns: dict[str, Any] = dict.fromkeys(NAMES)
    columns |= {
        "run_id": record.run_id,
        "point": record.point,
        "kind": record.kind,
        "evidence": evidence,
        "is_readable": True,
        "created": _utc(record.created_at),
        "date": record.created_at[:10],
        "device_type": record.device.type,
        "device_name": record.device.name,
        "device_threads": record.device.n_threads,
        "machine": record.device.machine or "",
    }
    if isinstance(record, DecodeRecord | ShardedRecord):
        columns |= _step_columns(record)
    elif isinstance(record, VerifyRecord):
        columns |= {"context_len": record.workload.context_len}
    if (config := getattr(record, "config", None)) is not None:
        columns |= {"config": config_key(config), "n_heads": config.n_heads, "dim": config.dim}
        columns |= {"dtype": record.workload.dtype}  # type: ignore[union-attr]
    return columns


def unreadable_columns(
    run_id: str, point: int, kind: str, created_at: str, evidence: str
) -> dict[str, Any]:
    """The columns of a record whose body cannot be read: what its row says by itself."""
    return dict.fromkeys(NAMES) | {
        "run_id": run_id,
        "point": point,
        "kind": kind,
        "evidence": evidence,
        "is_readable": False,
        "created": _utc(created_at),
        "date": created_at[:10],
    }


def config_key(config: AttentionConfig) -> str:
    """A layer as a text that is equal for equal layers."""
    return msgspec.json.encode(config).decode()


def variant_with_form(record: DecodeRecord | ShardedRecord) -> str:
    """The variant of a decode step, and for MLA its form: "GQA", "MLA absorbed", "MLA naive"."""
    if record.variant != "MLA":
        return record.variant
    return "MLA naive" if record.kernel_ran == "naive" else "MLA absorbed"


def _step_columns(record: DecodeRecord | ShardedRecord) -> dict[str, Any]:
    """The settings of a step, the kernel that ran, and the 5th percentiles of its seconds."""
    samples, workload = record.samples_s, record.workload
    attend, step = map(TimeSummary.from_samples, (samples.attend, samples.step))
    columns = {
        "variant": variant_with_form(record),
        "context_len": workload.context_len,
        "batch_size": workload.batch_size,
        "kv_format": workload.kv_format,
        "n_layers": workload.n_layers,
        "kernel_asked": record.kernel_asked,
        "kernel_ran": record.kernel_ran,
        "attend_s": attend.p5,
        "attend_low_s": attend.p5_low,
        "attend_high_s": attend.p5_high,
        "step_s": step.p5,
    }
    if isinstance(record, ShardedRecord):
        parallel = {"tp": record.tp, "dcp": record.dcp}
        return columns | parallel | {"verdict": record.verdict.name}
    doubts = verdict({"attend": attend, "step": step}, record.bandwidth_samples_bytes_per_s)
    return columns | {"tensor_bytes": record.memory.tensor_bytes, "verdict": doubts.name}


def _utc(created_at: str) -> datetime | None:
    """The moment in UTC, without an offset: SQLite has no type for one; None if it is none."""
    try:
        return datetime.fromisoformat(created_at).astimezone(UTC).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None
