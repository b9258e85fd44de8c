"""Rows of the log: records to rows on the way in, rows to records on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from gqa_core.records.header import SCHEMA_VERSION, Evidence
from gqa_core.records.kinds import Record, decode_record, decode_usable_record, encode_record
from gqa_core.records.log.columns import record_columns
from gqa_core.records.log.errors import unreadable_sentence
from gqa_core.records.log.tables import BODIES, RECORDS
from gqa_core.records.upgrade import upgrade

__all__ = [
    "LogContents",
    "LogRow",
    "LoggedRecord",
    "current_body",
    "insert_absent",
    "insert_new",
    "log_row",
]


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record of the log, and whether it was measured by this log's owner."""

    record: Record
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LogContents:
    """Readable records of a log, oldest first, and the number of unreadable ones among them."""

    logged: tuple[LoggedRecord, ...] = ()
    n_unreadable: int = 0

    @classmethod
    def from_bodies(cls, rows: Iterable[Sequence[Any]]) -> LogContents:
        """The contents of (body, evidence) rows; one that cannot be read is skipped and counted."""
        logged, n_unreadable = [], 0
        for body, evidence in rows:
            try:
                logged.append(LoggedRecord(decode_usable_record(body), evidence))
            except (TypeError, ValueError):  # TypeError: another program stored no text
                n_unreadable += 1
        return cls(tuple(logged), n_unreadable)

    @property
    def records(self) -> list[Record]:
        """The records alone."""
        return [logged.record for logged in self.logged]

    @property
    def warning(self) -> str | None:
        """One sentence about the records that could not be read; None if all could."""
        return unreadable_sentence(self.n_unreadable)


@dataclass(frozen=True, slots=True)
class LogRow:
    """The columns of a record, and its JSON."""

    columns: dict[str, Any]
    body: Any

    @property
    def key(self) -> tuple[str, int]:
        """The run and point, which no two rows of a log share."""
        return self.columns["run_id"], self.columns["point"]


def log_row(record: Record, evidence: Evidence) -> LogRow:
    """The row of a record.

    Raises:
        ValueError: its body could not be read back, as with a loss that is not a number.
    """
    body = encode_record(record)
    try:
        decode_record(body)
    except ValueError as error:
        raise ValueError(f"point {record.point} could not be read back, {error}") from None
    return LogRow(record_columns(record, evidence), body)


def current_body(body: str) -> str:
    """The JSON of a record, brought forward if an earlier program wrote it.

    Raises:
        KeyError, TypeError, ValueError: it is no record.
    """
    fields = msgspec.json.decode(body)
    if fields["schema_version"] == SCHEMA_VERSION:
        return body
    return msgspec.json.encode(upgrade(fields)).decode()


def insert_new(connection: Connection, rows: Sequence[LogRow]) -> None:
    """Add rows that the log does not have; the database refuses a run and point that it has."""
    statement = insert(RECORDS).returning(RECORDS.c.id, sort_by_parameter_order=True)
    ids = connection.scalars(statement, [row.columns for row in rows]).all()
    _insert_bodies(connection, zip(ids, rows, strict=True))


def insert_absent(connection: Connection, rows: Sequence[LogRow]) -> list[bool]:
    """Add the rows whose run and point the log does not have yet; True for each that was added.

    Of rows with one run and point the first counts.
    """
    if not rows:
        return []
    first: dict[tuple[str, int], LogRow] = {}
    for row in rows:
        first.setdefault(row.key, row)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(RECORDS).on_conflict_do_nothing()
    added = connection.execute(
        statement.returning(RECORDS.c.id, RECORDS.c.run_id, RECORDS.c.point),
        [row.columns for row in first.values()],
    ).all()
    ids = {(run_id, point): row_id for row_id, run_id, point in added}
    _insert_bodies(connection, ((ids[key], row) for key, row in first.items() if key in ids))
    return [row.key in ids and row is first[row.key] for row in rows]


def _insert_bodies(connection: Connection, rows: Iterable[tuple[int, LogRow]]) -> None:
    bodies = [{"record_id": row_id, "body": row.body} for row_id, row in rows]
    if bodies:
        connection.execute(insert(BODIES), bodies)
