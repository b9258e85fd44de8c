"""The table of measured points under their roof."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, device_name, variant_name
from dashboard.data.roofline import row_roof
from dashboard.report.columns import (
    COUNT,
    FLOP_PER_BYTE,
    GB_PER_S,
    GFLOP_PER_S,
    MS,
    PERCENT,
    UTC,
    Column,
    Table,
)
from dashboard.report.decode_tables import timestamp


def roofline_table(rows: Sequence[Row]) -> Table[Row]:
    """One row per point: where it stands, the bound of its own run, and how near it comes."""
    return Table(COLUMNS, rows)


def _roof_there(row: Row) -> float | None:
    return None if row.bound_s is None else row.flops / row.bound_s


COLUMNS: tuple[Column[Row], ...] = (
    Column("Variant", variant_name),
    Column[Row]("K/V heads", lambda row: row.n_kv_heads, COUNT),
    Column[Row]("Context", lambda row: row.context_len, COUNT),
    Column[Row]("Verdict", lambda row: row.verdict.name),
    Column[Row]("Intensity", lambda row: row.arithmetic_intensity, FLOP_PER_BYTE),
    Column[Row]("Achieved", lambda row: row.flops_per_s.median, GFLOP_PER_S),
    Column[Row]("Achieved, 95% CI from", lambda row: row.flops_per_s.q1, GFLOP_PER_S),
    Column[Row]("Achieved, 95% CI to", lambda row: row.flops_per_s.q3, GFLOP_PER_S),
    Column[Row]("Roof there", _roof_there, GFLOP_PER_S),
    Column[Row]("Share of the bound", lambda row: row.bound_share, PERCENT),
    Column[Row]("Bound by", lambda row: row_roof(row).bounded_by(row.arithmetic_intensity)),
    Column[Row]("Attend", lambda row: row.attend.p5, MS),
    Column[Row]("Bound", lambda row: row.bound_s, MS),
    Column[Row]("Floor", lambda row: row.record.attend_overhead_s, MS),
    Column[Row]("Read bandwidth", lambda row: row.record.read_bandwidth_bytes_per_s, GB_PER_S),
    Column[Row]("Arithmetic", lambda row: row.record.arithmetic_flops_per_s, GFLOP_PER_S),
    Column[Row]("Bound withheld", lambda row: row.bound_doubt or ""),
    Column[Row]("Kernel ran", lambda row: row.record.kernel_ran),
    Column[Row]("Batch", lambda row: row.batch_size, COUNT),
    Column[Row]("Dtype", lambda row: row.dtype),
    Column[Row]("Cache format", lambda row: row.kv_format),
    Column[Row]("Layers", lambda row: row.n_layers, COUNT),
    Column[Row]("Query heads", lambda row: row.config.n_heads, COUNT),
    Column("Device", device_name),
    Column[Row]("Evidence", lambda row: row.evidence),
    Column[Row]("When", lambda row: timestamp(row.record.created_at), UTC),
)
