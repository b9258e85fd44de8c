"""Tables of the log: decode records beside the MHA of their run, and records of other kinds."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, VersusMha, device_name
from dashboard.data.machines import MachineRow
from dashboard.data.non_decode_rows import KIND_NAMES, PAGES
from dashboard.data.selection import mha_of_run
from dashboard.report.columns import COUNT, TIMES, UTC, Column, Table
from dashboard.report.decode_tables import PERFORMANCE, timestamp
from gqa_core.records.kinds import DecodeRecord
from gqa_core.records.run_log import LoggedRecord
from gqa_core.records.summaries import summarize

COMMIT_DIGITS = 10
FIRST_COLUMNS = ("Variant", "K/V heads", "Context", "Evidence", "Device", "When (UTC)")


def runs_table(shown: Sequence[Row], rows: Sequence[Row]) -> Table[VersusMha]:
    """One row per record; speed against MHA is that of the same run, looked up in all `rows`."""
    bases = mha_of_run(shown, rows)
    return Table(RUNS, [*map(VersusMha, shown, bases)])


def non_decode_table(rows: Sequence[LoggedRecord]) -> Table[LoggedRecord]:
    """One row per record: what was measured, what came out, and where."""
    return Table(NON_DECODE, rows)


def machines_table(rows: Sequence[MachineRow]) -> Table[MachineRow]:
    """One row per machine: its records, and its attend times over those of the first machine."""
    columns = (
        Column[MachineRow]("Machine", lambda row: row.machine.name),
        Column[MachineRow]("Decode steps", lambda row: row.machine.n_records, COUNT),
        Column[MachineRow]("Points, newest", lambda row: len(row.machine.attend_s), COUNT),
        Column[MachineRow]("Shared with the first", lambda row: row.n_shared, COUNT),
        Column[MachineRow]("Attend time / first", lambda row: row.ratio, TIMES),
    )
    return Table(columns, rows)


def _commit(row: Row | LoggedRecord) -> str:
    return (row.record.git_commit or "")[:COMMIT_DIGITS]


def _summary(row: LoggedRecord) -> tuple[str, str]:
    """The measurement and its result in words; a decode step has a table of its own."""
    assert not isinstance(row.record, DecodeRecord)
    return summarize(row.record)


def _reordered(columns: Sequence[Column[VersusMha]]) -> list[Column[VersusMha]]:
    by_header = {column.header: column for column in columns}
    first = [by_header.pop(header) for header in FIRST_COLUMNS]
    return [*first, *by_header.values()]


RUNS = (
    *_reordered(PERFORMANCE),
    Column[VersusMha]("Run", lambda versus: versus.row.record.run_id),
    Column[VersusMha]("Point", lambda versus: versus.row.record.point, COUNT),
    Column[VersusMha]("Git commit", lambda versus: _commit(versus.row)),
)

NON_DECODE = (
    Column[LoggedRecord]("Kind", lambda row: KIND_NAMES[row.record.kind]),
    Column[LoggedRecord]("Measured", lambda row: _summary(row)[0]),
    Column[LoggedRecord]("Result", lambda row: _summary(row)[1]),
    Column[LoggedRecord]("Evidence", lambda row: row.evidence),
    Column[LoggedRecord]("Device", device_name),
    Column[LoggedRecord]("When", lambda row: timestamp(row.record.created_at), UTC),
    Column[LoggedRecord]("Page", lambda row: PAGES[row.record.kind]),
    Column[LoggedRecord]("Warnings", lambda row: "; ".join(getattr(row.record, "warnings", ()))),
    Column[LoggedRecord]("Run", lambda row: row.record.run_id),
    Column[LoggedRecord]("Point", lambda row: row.record.point, COUNT),
    Column[LoggedRecord]("Git commit", _commit),
)
