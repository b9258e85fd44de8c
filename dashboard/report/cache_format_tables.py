"""The table of measured caches in several number formats."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.cache_formats import FormatRow
from dashboard.data.decode_rows import variant_name
from dashboard.report.columns import ERROR_PERCENT, MIB, MS, SPEED, Column, Table


def format_table(rows: Sequence[FormatRow]) -> Table[FormatRow]:
    """One row per variant and format: bytes, times, and the relative L2 error of the output."""
    return Table(COLUMNS, rows)


COLUMNS: tuple[Column[FormatRow], ...] = (
    Column("Variant", lambda each: variant_name(each.row)),
    Column("Cache format", lambda each: each.row.kv_format),
    Column[FormatRow]("Cache", lambda each: each.row.record.memory.tensor_bytes, MIB),
    Column[FormatRow]("Attend", lambda each: each.row.attend.p5, MS),
    Column[FormatRow]("Speed vs unquantised", lambda each: each.speed, SPEED),
    Column[FormatRow]("Append", lambda each: each.row.append.p5, MS),
    Column[FormatRow]("Step", lambda each: each.row.step.p5, MS),
    Column[FormatRow]("Relative L2 error", lambda each: each.error, ERROR_PERCENT),
)
