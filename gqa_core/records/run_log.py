"""The run log: every record ever measured, in one file or in a database that many may write.

The address says which: the name of a file is SQLite, a URL is PostgreSQL. A commit is one record:
a writer that is killed loses the point it was timing and nothing before it. Whether a record was
measured here or imported is a column of the row, not a field of the record: no record can claim it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Row, Select, func, select

from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Evidence, KindName
from gqa_core.records.kinds import DecodeRecord, Record, decode_record
from gqa_core.records.log.address import LogAddress
from gqa_core.records.log.errors import (
    LogRefusedError,
    LogUnreachableError,
    RecordSpooledError,
    RunLogError,
    UnusableLogError,
)
from gqa_core.records.log.migrations import LOG_VERSION
from gqa_core.records.log.postgresql import QUICK_WAITS_S, PostgresqlDatabase
from gqa_core.records.log.rows import (
    LogContents,
    LoggedRecord,
    LogRow,
    current_body,
    insert_absent,
    insert_new,
    log_row,
)
from gqa_core.records.log.set_aside import set_aside, set_aside_names
from gqa_core.records.log.spool import Spool
from gqa_core.records.log.sqlite import BUSY_S, SqliteDatabase
from gqa_core.records.log.tables import BODIES, RECORDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LOG_VERSION",
    "LogContents",
    "LoggedRecord",
    "RunLog",
    "RunLogError",
    "UnusableLogError",
]

T = TypeVar("T")

BATCH = 200  # records in memory at once while all are streamed


class RunLog:
    """One log: a file or URL, or the environment's GQA_RUN_LOG, or a file of the user's data.

    A lock that another process holds is waited for `busy_s` seconds. `name` is how sentences call
    it, without a password; `path` is None for a URL.

    Raises:
        ValueError: the address is an empty text.
        RunLogError: (by every method too) the log is none, of another version, or cannot be read
            or written.
    """

    def __init__(
        self, address: str | os.PathLike[str] | None = None, *, busy_s: float = BUSY_S
    ) -> None:
        parsed = LogAddress.parse(address)
        self.name = parsed.name
        self.path: Path | None = parsed.path
        self._database: SqliteDatabase | PostgresqlDatabase
        self._spool: Spool | None = None
        if parsed.path is not None:
            self._database = SqliteDatabase(parsed.path, busy_s)
        else:
            assert parsed.url is not None
            self._database = PostgresqlDatabase(parsed.url, parsed.name, busy_s)
            self._spool = Spool(parsed.name)

    @property
    def is_missing(self) -> bool:
        """True if the log is a file that does not exist; a URL is never missing."""
        return self.path is not None and not self.path.exists()

    def set_aside(self) -> str | None:
        """Rename a file that cannot be used, whole, so that a new log opens; returns its new name.

        None if the file can be used after all.

        Raises:
            RunLogError: it cannot be renamed, or another process has it locked.
        """
        if self.path is None:
            return None
        target = set_aside(self.path, lambda: (self.counts(), self.read(), self.version()))
        return target.name if target else None

    @property
    def set_aside_names(self) -> list[str]:
        """The names of the files that were set aside from the place of this log."""
        return set_aside_names(self.path) if self.path is not None else []

    def validate_writable(self) -> None:
        """Raise RunLogError unless a record could be appended now; creates a missing log."""
        self._write(lambda connection: None, QUICK_WAITS_S)
        self.send_spooled()

    def prepare(self) -> str | None:
        """None if a record could be appended now; creates a missing log.

        If the log's server does not answer, and records could wait in a local file, one sentence
        that says so.

        Raises:
            RunLogError: neither the log nor that file can be written, or the server lets nobody in.
        """
        try:
            self.validate_writable()
        except LogRefusedError:
            raise
        except LogUnreachableError as error:
            assert self._spool is not None
            self._spool.validate_writable()
            return f"{error}; records are {self._waiting_clause}"
        return None

    def append(self, record: Record) -> None:
        """Add one record measured here; it is committed, and survives a kill, on return.

        Raises:
            RecordSpooledError: the server of the log does not answer. The record waits in a local
                file, which survives a kill too, and is sent with the next one that arrives.
        """
        row = self._row(record, MEASURED_HERE)
        tries = count()

        def change(connection: Connection) -> None:
            # After a lost connection nobody knows whether the first try was committed.
            insert_absent(connection, [row]) if next(tries) else insert_new(connection, [row])

        try:
            self._write(change, () if self.n_spooled else None)  # known to be down: one try
        except LogUnreachableError as error:
            self._spool_row(row, error)
        with suppress(LogUnreachableError):
            self.send_spooled()

    def add_absent(self, records: Iterable[Record]) -> None:
        """Add those records measured here that the log does not have yet, in one commit."""
        rows = [self._row(record, MEASURED_HERE) for record in records]
        self._database.write(lambda connection: insert_absent(connection, rows))

    def import_records(self, records: Iterable[Record]) -> list[bool]:
        """Add records measured elsewhere, in one commit; True for each that was new here."""
        rows = [self._row(record, MEASURED_ELSEWHERE) for record in records]
        return self._database.write(lambda connection: insert_absent(connection, rows))

    def write(self, change: Callable[[Connection], T]) -> T:
        """Make a change in one commit, and return its result."""
        return self._database.write(change)

    @property
    def n_spooled(self) -> int:
        """The number of records that wait in a local file for the log's server."""
        return self._spool.n_records if self._spool else 0

    def send_spooled(self) -> int:
        """Send the records that wait in a local file; returns their number."""
        return self._spool.send(self._insert_bodies) if self._spool else 0

    def read(self, kind: KindName | None = None) -> LogContents:
        """All records, or those of one kind, oldest first; none where there is no log yet.

        A row that cannot be read as a record is skipped and counted.
        """
        parts = list(self.stream(kind))
        return LogContents(
            tuple(logged for part in parts for logged in part.logged),
            sum(part.n_unreadable for part in parts),
        )

    def stream(self, kind: KindName | None = None) -> Iterator[LogContents]:
        """All records, or those of one kind, oldest first, a few at a time."""
        last = 0
        while rows := self._bodies_after(last, kind):
            yield LogContents.from_bodies(row[1:] for row in rows)
            last = rows[-1][0]

    def records(self, kind: KindName | None = None) -> list[Record]:
        """The records that can be read, of all kinds or of one, oldest first."""
        return self.read(kind).records

    def measured_here(self, kind: KindName) -> list[Record]:
        """The records of one kind that this log's owner measured; imported ones are left out."""
        logged = self.read(kind).logged
        return [entry.record for entry in logged if entry.evidence == MEASURED_HERE]

    def execute(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of a query, none where there is no log yet."""
        return self._database.read(lambda connection: connection.execute(query).all()) or ()

    def counts(self) -> dict[str, int]:
        """The number of records of each kind, unreadable ones included."""
        query = select(RECORDS.c.kind, func.count()).group_by(RECORDS.c.kind)
        # A damaged file may hold anything in the place of a kind.
        return dict(sorted((str(kind), number) for kind, number in self.execute(query)))

    def n_records(self, run_id: str) -> int:
        """The number of records of a run that the log has."""
        query = select(func.count()).where(RECORDS.c.run_id == run_id)
        return self._database.read(lambda connection: connection.execute(query).scalar_one()) or 0

    def version(self) -> str:
        """A text that changes with every append, and with another log under the same name."""
        # Subqueries: SQLite then answers each from an index, instead of reading every row.
        parts = (func.count(), func.max(RECORDS.c.id), func.max(RECORDS.c.run_id))
        query = select(*(select(part).select_from(RECORDS).scalar_subquery() for part in parts))
        return str([tuple(row) for row in self.execute(query)] or [(0, None, None)])

    def to_frame(self) -> pd.DataFrame:
        """One row per decode record, with the columns of `DecodeRow.to_dict`; samples are lists."""
        import pandas as pd

        return pd.DataFrame(
            [
                DecodeRow.from_record(logged.record, logged.evidence).to_dict()
                for part in self.stream("decode")
                for logged in part.logged
                if isinstance(logged.record, DecodeRecord)
            ]
        )

    def _bodies_after(self, last: int, kind: KindName | None) -> list[tuple[int, str, str]]:
        """The next rows after an id: (id, body, evidence)."""
        query = (
            select(RECORDS.c.id, BODIES.c.body, RECORDS.c.evidence)
            .join(BODIES, BODIES.c.record_id == RECORDS.c.id)
            .where(RECORDS.c.id > last, *([RECORDS.c.kind == kind] if kind else []))
            .order_by(RECORDS.c.id)
            .limit(BATCH)
        )
        return [tuple(row) for row in self.execute(query)]

    def _row(self, record: Record, evidence: Evidence) -> LogRow:
        """A record's row; a body that could not be read back is refused."""
        try:
            return log_row(record, evidence)
        except ValueError as error:
            raise RunLogError(f"log {self.name} cannot be written: {error}") from None

    def _write(
        self, change: Callable[[Connection], None], waits_s: Sequence[float] | None = None
    ) -> None:
        """Make the change; a lost server, of which files know nothing, is waited for so long."""
        if isinstance(self._database, PostgresqlDatabase):
            self._database.write(change, waits_s)
        else:
            self._database.write(change)

    def _spool_row(self, row: LogRow, error: LogUnreachableError) -> None:
        """Write the row to the local file, and say so."""
        assert self._spool is not None
        try:
            self._spool.add(row.body)
        except RunLogError as second:
            raise RunLogError(f"{error}; {second}") from error
        raise RecordSpooledError(f"{error}; the record is {self._waiting_clause}") from error

    @property
    def _waiting_clause(self) -> str:
        """The clause about a record while the log's server does not answer: where it waits."""
        assert self._spool is not None
        return f"kept in {self._spool.path} and sent once the log can be written"

    def _insert_bodies(self, bodies: Iterable[str]) -> list[str]:
        """Add the records of these bodies that are not there yet; returns those that are none."""
        rows, unreadable = [], []
        for body in bodies:
            try:
                rows.append(log_row(decode_record(current_body(body)), MEASURED_HERE))
            except (KeyError, TypeError, ValueError):
                unreadable.append(body)
        self._database.write(lambda connection: insert_absent(connection, rows))
        return unreadable
