"""Tables of the log: decode records beside the MHA of their run, and records of other kinds."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, device_name
from dashboard.data.non_decode_rows import KINDS
from dashboard.data.selection import mha_of_run
from dashboard.report.columns import COUNT, UTC, Column, Table
from dashboard.report.decode_tables import PERFORMANCE, ComparedRow, timestamp
from gqa_core.records.summaries import SUMMARIES

COMMIT_DIGITS = 10
FIRST_COLUMNS = ("Variant", "K/V heads", "Context", "Evidence", "Device", "When (UTC)")


def runs_table(shown: Sequence[Row], rows: Sequence[Row]) -> Table[ComparedRow]:
    """One row per record; speed against MHA is that of the same run, looked up in all `rows`."""
    bases = mha_of_run(shown, rows)
    compared = [
        ComparedRow(row, base["attend_s"] / row["attend_s"] if base else None)
        for row, base in zip(shown, bases, strict=True)
    ]
    return Table(RUNS, compared)


def non_decode_table(rows: Sequence[Row]) -> Table[Row]:
    """One row per record: what was measured, what came out, and where."""
    return Table(NON_DECODE, rows)


def _commit(row: Row) -> str:
    return (row["git_commit"] or "")[:COMMIT_DIGITS]


def _reordered(columns: Sequence[Column[ComparedRow]]) -> list[Column[ComparedRow]]:
    by_header = {column.header: column for column in columns}
    first = [by_header.pop(header) for header in FIRST_COLUMNS]
    return [*first, *by_header.values()]


RUNS = (
    *_reordered(PERFORMANCE),
    Column[ComparedRow]("Run", lambda compared: compared.row["run_id"]),
    Column[ComparedRow]("Point", lambda compared: compared.row["point"], COUNT),
    Column[ComparedRow]("Git commit", lambda compared: _commit(compared.row)),
)

NON_DECODE = (
    Column[Row]("Kind", lambda row: KINDS[row["kind"]][0]),
    Column[Row]("Measured", lambda row: SUMMARIES[row["kind"]](row["record"])[0]),
    Column[Row]("Result", lambda row: SUMMARIES[row["kind"]](row["record"])[1]),
    Column[Row]("Evidence", lambda row: row["evidence"]),
    Column[Row]("Device", device_name),
    Column[Row]("When", lambda row: timestamp(row["created_at"]), UTC),
    Column[Row]("Page", lambda row: KINDS[row["kind"]][1]),
    Column[Row]("Warnings", lambda row: "; ".join(row["record"].get("warnings", ()))),
    Column[Row]("Run", lambda row: row["run_id"]),
    Column[Row]("Point", lambda row: row["point"], COUNT),
    Column[Row]("Git commit", _commit),
)
