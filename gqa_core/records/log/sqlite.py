"""A run log in one SQLite file, which many may write and read.

Write-ahead logging lets readers go on while a writer commits. Each call opens the file and closes
it again: another file under the same name is noticed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from gqa_core.records.log.errors import RunLogError, UnusableLogError
from gqa_core.records.log.migrations import LOG_VERSION, MIGRATIONS, create_or_migrate

__all__ = ["APPLICATION_ID", "SqliteDatabase"]

APPLICATION_ID = 0x47514C42  # "GQLB": tells our file from any other SQLite database
BUSY_S = 30.0  # for another process that writes
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

T = TypeVar("T")


class SqliteDatabase:
    """The database in the file `path`; every method raises RunLogError if it cannot be used."""

    def __init__(self, path: Path, busy_s: float = BUSY_S) -> None:
        self.path = path
        self.busy_s = busy_s

    @property
    def exists(self) -> bool:
        """True if there is a file."""
        return self.path.exists()

    def write(self, change: Callable[[Connection], T]) -> T:
        """Make the change in one transaction, committed on return; creates a missing file."""
        with self._translate_errors("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            uri = f"{self.path.absolute().as_uri()}?mode=rwc"
            with _engine(uri, "BEGIN IMMEDIATE", self.busy_s).connect() as connection:
                with connection.begin():  # apart from the change, which may fail
                    self._create_or_migrate(connection)
                with connection.begin():
                    self._validate_version(connection)
                    return change(connection)

    def read(self, query: Callable[[Connection], T]) -> T | None:
        """The query's result, or None where there is no log yet."""
        with self._translate_errors("read"):
            if not self.path.exists():
                return None
            uri = self.path.absolute().as_uri()
            try:
                return self._query(f"{uri}?mode=ro", query)
            except OperationalError:
                pending = Path(f"{self.path}-wal")
                if os.access(self.path.parent, os.W_OK) or pending.exists():
                    raise
                # A read-only folder has no room for the shared memory of WAL, nor any writer.
                return self._query(f"{uri}?immutable=1", query)

    def _query(self, uri: str, query: Callable[[Connection], T]) -> T | None:
        with _engine(uri, "BEGIN", self.busy_s).connect() as connection:
            if _is_empty(connection):
                return None
            if not (self._is_old(connection) and os.access(self.path, os.W_OK)):
                self._validate_version(connection)
                return query(connection)
        self.write(lambda connection: None)  # brings it forward
        return self._query(uri, query)

    def _create_or_migrate(self, connection: Connection) -> None:
        version = None if _is_empty(connection) else self._log_version(connection)
        if create_or_migrate(connection, version):
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {LOG_VERSION}")

    def _log_version(self, connection: Connection) -> int:
        if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
            raise UnusableLogError(
                f"log {self.path} is a database of something else, not a run log", "foreign"
            )
        return connection.exec_driver_sql("PRAGMA user_version").scalar_one()

    def _is_old(self, connection: Connection) -> bool:
        """True if the log is of an earlier version that can be brought forward."""
        return self._log_version(connection) in MIGRATIONS

    def _validate_version(self, connection: Connection) -> None:
        """Raise RunLogError unless the log is of this program's version."""
        version = self._log_version(connection)
        if version == LOG_VERSION:
            return
        if version > LOG_VERSION:
            raise UnusableLogError(
                f"log {self.path} has version {version}, newer than {LOG_VERSION}, "
                "which is the newest this program knows",
                "newer",
            )
        raise UnusableLogError(
            f"log {self.path} has version {version}, this program writes version {LOG_VERSION}: "
            f"move the file into another folder, with {self.path.name}-wal and "
            f"{self.path.name}-shm if they are beside it, and run again; nothing was changed",
            "older",
        )

    @contextmanager
    def _translate_errors(self, verb: str) -> Iterator[None]:
        """Raise RunLogError with one sentence for an error of the file or the database."""
        try:
            yield
        except UnicodeDecodeError as error:  # of a text, or of SQLite's own message
            sentence = f"log {self.path} cannot be {verb}: it has a text that is none"
            raise UnusableLogError(sentence, "damaged") from error
        except (DBAPIError, OSError) as error:
            cause = getattr(error, "orig", None)
            reason = cause or getattr(error, "strerror", None) or error
            sentence = f"log {self.path} cannot be {verb}: {reason}"
            if (code := getattr(cause, "sqlite_errorcode", 0) & 0xFF) in DAMAGED:
                kind = "foreign" if code == sqlite3.SQLITE_NOTADB else "damaged"
                raise UnusableLogError(sentence, kind) from error
            raise RunLogError(sentence) from error


@lru_cache(maxsize=64)
def _engine(uri: str, begin: str, busy_s: float) -> Engine:
    """An engine whose transactions begin with this statement; it keeps no connection open."""
    engine = create_engine("sqlite://", creator=lambda: _connect(uri, busy_s), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _connect(uri: str, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection that begins no transaction by itself; a new file gets its journal."""
    connection = sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None)
    connection.text_factory = _text  # one damaged text is one record that cannot be read
    if uri.endswith("mode=rwc") and not connection.execute(TABLE_COUNT).fetchone()[0]:
        _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode = WAL"), busy_s)
    return connection


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


TABLE_COUNT = "SELECT count(*) FROM sqlite_master"


def _is_empty(connection: Connection) -> bool:
    return connection.exec_driver_sql(TABLE_COUNT).scalar_one() == 0


def _retry_while_locked(query: Callable[[], object], busy_s: float) -> None:
    """Repeat the query while another process locks the file: changing the journal does not wait."""
    deadline = time.monotonic() + busy_s
    while True:
        try:
            query()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
