"""The run log: every record ever measured, in one SQLite file that many may write and read.

Write-ahead logging lets readers go on while a writer commits, and a commit is one record: a writer
that is killed loses the point it was timing and nothing before it. One row per record keeps its
JSON whole, with a few fields beside it by which it is selected. Whether a record was measured here
or imported is a column of the row, not a field of the record: no record can claim it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import platformdirs

from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Evidence, KindName
from gqa_core.records.kinds import (
    DecodeRecord,
    Record,
    decode_record,
    decode_usable_record,
    encode_record,
)
from gqa_core.records.log_migrations import MIGRATIONS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LOG_VERSION", "LogContents", "LoggedRecord", "RunLog", "RunLogError"]

LOG_VERSION = 3
APPLICATION_ID = 0x47514C42  # "GQLB": tells our file from any other SQLite database
ENVIRONMENT = "GQA_RUN_LOG"
BUSY_S = 30.0

SCHEMA = f"""
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    point INTEGER NOT NULL,
    kind TEXT NOT NULL,
    created_at TEXT NOT NULL,
    evidence TEXT NOT NULL CHECK (evidence IN ('{MEASURED_HERE}', '{MEASURED_ELSEWHERE}')),
    body TEXT NOT NULL,
    UNIQUE (run_id, point)
)
"""

INSERT = """
INSERT INTO records (run_id, point, kind, created_at, evidence, body) VALUES (?, ?, ?, ?, ?, ?)
"""

T = TypeVar("T")


class RunLogError(Exception):
    """The log cannot be used; the message is one sentence that names the file and says why."""


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record of the log, and whether it was measured by this log's owner."""

    record: Record
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LogContents:
    """The readable records of a log, oldest first, and the number of unreadable ones."""

    logged: tuple[LoggedRecord, ...] = ()
    n_unreadable: int = 0

    @property
    def records(self) -> list[Record]:
        """The records alone."""
        return [logged.record for logged in self.logged]

    @property
    def warning(self) -> str | None:
        """One sentence about the records that could not be read; None if all could."""
        if not self.n_unreadable:
            return None
        records = "record" if self.n_unreadable == 1 else "records"
        return f"{self.n_unreadable} {records} of the log cannot be read"


class RunLog:
    """One log file: `path`, or the environment's GQA_RUN_LOG, or the user's data folder.

    Raises:
        ValueError: the path is an empty text.
        RunLogError: (by every method) the file is no run log, of another version, or cannot be
            read or written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        default = Path(platformdirs.user_data_dir("gqa-lab", appauthor=False)) / "runs.sqlite"
        if path == "":
            raise ValueError("log must be the name of a file: got an empty one")
        self.path = Path(path or os.environ.get(ENVIRONMENT) or default)

    def validate_writable(self) -> None:
        """Raise RunLogError unless a record could be appended now; creates a missing file."""
        with self._writing() as connection:
            connection.execute("ROLLBACK")

    def append(self, record: Record) -> None:
        """Add one record measured here; it is committed, and survives a kill, on return."""
        values = self._row(record, MEASURED_HERE)
        with self._writing() as connection:
            connection.execute(INSERT, values)
            connection.execute("COMMIT")

    def import_records(self, records: Iterable[Record]) -> list[bool]:
        """Add records measured elsewhere, in one commit; True for each that was new here."""
        rows = [self._row(record, MEASURED_ELSEWHERE) for record in records]
        once = f"{INSERT} ON CONFLICT (run_id, point) DO NOTHING"
        with self._writing() as connection:
            is_new = [connection.execute(once, values).rowcount == 1 for values in rows]
            connection.execute("COMMIT")
        return is_new

    def read(self, kind: KindName | None = None) -> LogContents:
        """All records, or those of one kind, oldest first; none where there is no file yet.

        A row that cannot be read as a record is skipped and counted.
        """
        query = "SELECT body, evidence FROM records WHERE kind = coalesce(?, kind) ORDER BY id"
        rows = self._read(lambda connection: connection.execute(query, (kind,)).fetchall())
        logged, n_unreadable = [], 0
        for body, evidence in rows or ():
            try:
                logged.append(LoggedRecord(decode_usable_record(body), evidence))
            except (TypeError, ValueError):  # TypeError: another program stored no text
                n_unreadable += 1
        return LogContents(tuple(logged), n_unreadable)

    def records(self, kind: KindName | None = None) -> list[Record]:
        """The records that can be read, of all kinds or of one, oldest first."""
        return self.read(kind).records

    def measured_here(self, kind: KindName) -> list[Record]:
        """The records of one kind that this log's owner measured; imported ones are left out."""
        logged = self.read(kind).logged
        return [entry.record for entry in logged if entry.evidence == MEASURED_HERE]

    def counts(self) -> dict[str, int]:
        """The number of records of each kind, unreadable ones included."""
        query = "SELECT kind, count(*) FROM records GROUP BY kind ORDER BY kind"
        return dict(self._read(lambda connection: connection.execute(query).fetchall()) or ())

    def version(self) -> str:
        """A text that changes with every append, and with another file under the same name."""
        query = "SELECT count(*), max(run_id) FROM records"
        state = self._read(lambda connection: connection.execute(query).fetchone())
        return str(state or (0, None))

    def to_frame(self) -> pd.DataFrame:
        """One row per decode record, with the columns of `DecodeRow.to_dict`; samples are lists."""
        import pandas as pd

        return pd.DataFrame(
            [
                DecodeRow.from_record(logged.record, logged.evidence).to_dict()
                for logged in self.read("decode").logged
                if isinstance(logged.record, DecodeRecord)
            ]
        )

    def _row(self, record: Record, evidence: Evidence) -> tuple[object, ...]:
        """The values of a record's row; a body that could not be read back is refused."""
        body = encode_record(record)
        try:
            decode_record(body)
        except ValueError as error:  # such as a loss that is not a number
            reason = f"point {record.point} could not be read back, {error}"
            raise RunLogError(f"log {self.path} cannot be written: {reason}") from None
        return record.run_id, record.point, record.kind, record.created_at, evidence, body

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a write transaction, which the caller ends."""
        with self._translate_errors("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect(f"{self.path.absolute().as_uri()}?mode=rwc")) as connection:
                if self._is_empty(connection):
                    _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode = WAL"))
                connection.execute("BEGIN IMMEDIATE")
                if self._create_or_migrate(connection):
                    connection.execute("COMMIT")
                    connection.execute("BEGIN IMMEDIATE")
                self._validate_version(connection)
                yield connection

    def _create_or_migrate(self, connection: sqlite3.Connection) -> bool:
        """Make a log of an empty file, or bring an earlier version forward; True if it changed."""
        if self._is_empty(connection):
            connection.execute(SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {LOG_VERSION}")
            return True
        if not self._is_old(connection):
            return False
        while migrate := MIGRATIONS.get(self._log_version(connection)):
            version = self._log_version(connection)
            migrate(connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        return True

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T | None:
        """The query's result, or None where there is no log yet."""
        with self._translate_errors("read"):
            if not self.path.exists():
                return None
            uri = self.path.absolute().as_uri()
            try:
                return self._query(f"{uri}?mode=ro", query)
            except sqlite3.OperationalError:
                pending = Path(f"{self.path}-wal")
                if os.access(self.path.parent, os.W_OK) or pending.exists():
                    raise
                # A read-only folder has no room for the shared memory of WAL, nor any writer.
                return self._query(f"{uri}?immutable=1", query)

    def _query(self, uri: str, query: Callable[[sqlite3.Connection], T]) -> T | None:
        with closing(self._connect(uri)) as connection:
            if self._is_empty(connection):
                return None
            if not (self._is_old(connection) and os.access(self.path, os.W_OK)):
                self._validate_version(connection)
                return query(connection)
        self.validate_writable()  # brings it forward
        return self._query(uri, query)

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)

    @staticmethod
    def _is_empty(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0

    def _log_version(self, connection: sqlite3.Connection) -> int:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise RunLogError(f"log {self.path} is a database of something else, not a run log")
        return connection.execute("PRAGMA user_version").fetchone()[0]

    def _is_old(self, connection: sqlite3.Connection) -> bool:
        """True if the log is of an earlier version that can be brought forward."""
        return self._log_version(connection) in MIGRATIONS

    def _validate_version(self, connection: sqlite3.Connection) -> None:
        """Raise RunLogError unless the log is of this program's version."""
        version = self._log_version(connection)
        if version == LOG_VERSION:
            return
        if version > LOG_VERSION:
            raise RunLogError(
                f"log {self.path} has version {version}, newer than {LOG_VERSION}, "
                "which is the newest this program knows"
            )
        raise RunLogError(
            f"log {self.path} has version {version}, this program writes version {LOG_VERSION}: "
            f"move the file into another folder, with {self.path.name}-wal and "
            f"{self.path.name}-shm if they are beside it, and run again; nothing was changed"
        )

    @contextmanager
    def _translate_errors(self, verb: str) -> Iterator[None]:
        """Raise RunLogError with one sentence for an error of the file or the database."""
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RunLogError(f"log {self.path} cannot be {verb}: {reason}") from error


def _retry_while_locked(query: Callable[[], object]) -> None:
    """Repeat the query while another process locks the file: changing the journal does not wait."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            query()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
