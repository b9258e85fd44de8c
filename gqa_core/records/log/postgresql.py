"""A run log in PostgreSQL, which many machines may write and read.

The first to open it creates the tables or brings them forward, under a lock of the database that
others wait for. A lost connection is opened again a few times before it counts as an error; a lock
that another connection holds is waited for once, and so long as for a locked file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, delete, insert, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from gqa_core.records.log.errors import (
    LogLockedError,
    LogRefusedError,
    LogUnreachableError,
    RunLogError,
)
from gqa_core.records.log.migrations import LOG_VERSION, MIGRATIONS, create_or_migrate
from gqa_core.records.log.tables import VERSION

__all__ = ["QUICK_WAITS_S", "PostgresqlDatabase"]

LOCK = 0x47514C42  # of the advisory lock that creating and migrating take
CONNECT_S = 5
WRITE_WAITS_S = (0.2, 1.0, 3.0)  # before each further try
QUICK_WAITS_S = (0.2,)  # a person waits for it
LOST = ("08", "57P")  # SQLSTATE: no connection; the server is shutting down or starting
LOCKED = "55P03"  # SQLSTATE: no lock in time
REFUSED = "FATAL:"  # in the message of a server that answers; a failed connection has no SQLSTATE
BUSY = ("the database system is", "too many", "connection slots")  # starting, full: not for long
MAX_REASON = 200  # characters

T = TypeVar("T")


class PostgresqlDatabase:
    """The database at `url`, called `name`; every method raises RunLogError if it is no use.

    A lock that another connection holds is waited for `busy_s` seconds.
    """

    def __init__(self, url: URL, name: str, busy_s: float) -> None:
        self.url = url
        self.name = name
        self.busy_s = busy_s

    def write(self, change: Callable[[Connection], T], waits_s: Sequence[float] | None = None) -> T:
        """Make the change in one transaction, committed on return; creates missing tables.

        After a lost connection it is made again: it may have been committed before.

        Raises:
            LogUnreachableError: the server did not answer after each of the waits either.
            LogRefusedError: it did, and lets nobody in.
            LogLockedError: another connection holds a lock.
        """

        def attempt(connection: Connection) -> T:
            if self._log_version(connection) != LOG_VERSION:
                self._create_or_migrate(connection)
            return change(connection)

        return self._retry(attempt, "written", WRITE_WAITS_S if waits_s is None else waits_s)

    def read(self, query: Callable[[Connection], T]) -> T | None:
        """The query's result, or None where there is no log yet."""

        def attempt(connection: Connection) -> tuple[bool, T | None]:
            version = self._log_version(connection)
            if version in MIGRATIONS:
                return True, None
            if version is None:
                return False, None
            self._validate_version(version)
            return False, query(connection)

        is_old, result = self._retry(attempt, "read", QUICK_WAITS_S)
        if not is_old:
            return result
        self.write(lambda connection: None)  # brings it forward
        return self.read(query)

    def _create_or_migrate(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        version = self._log_version(connection)  # another process may have been faster
        if create_or_migrate(connection, version):
            VERSION.create(connection, checkfirst=True)
            connection.execute(delete(VERSION))
            connection.execute(insert(VERSION).values(version=LOG_VERSION))
            return
        self._validate_version(version)

    def _log_version(self, connection: Connection) -> int | None:
        """The version of the log, None where there is none yet."""
        if not inspect(connection).has_table(VERSION.name):
            return None
        return connection.scalars(select(VERSION.c.version)).one()

    def _validate_version(self, version: int | None) -> None:
        if version is not None and version > LOG_VERSION:
            raise RunLogError(
                f"log {self.name} has version {version}, newer than {LOG_VERSION}, "
                "which is the newest this program knows"
            )

    def _retry(self, attempt: Callable[[Connection], T], verb: str, waits_s: Sequence[float]) -> T:
        """The result of an attempt in a transaction of its own, tried again on a lost server."""
        for wait_s in waits_s:
            try:
                return self._attempt(attempt, verb)
            except LogLockedError:
                raise
            except LogUnreachableError:
                time.sleep(wait_s)
        return self._attempt(attempt, verb)

    def _attempt(self, attempt: Callable[[Connection], T], verb: str) -> T:
        milliseconds = max(round(1000 * self.busy_s), 1)  # 0 would wait for ever
        with self._translate_errors(verb), _engine(self.url).begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
            return attempt(connection)

    @contextmanager
    def _translate_errors(self, verb: str) -> Iterator[None]:
        """Raise RunLogError with one sentence for an error of the database."""
        try:
            yield
        except DBAPIError as error:
            raise _kind(error)(
                f"log {self.name} cannot be {verb}: {self._reason(error)}"
            ) from error

    def _reason(self, error: DBAPIError) -> str:
        """The message of the driver on one line, without the password."""
        if _is_locked(error):
            return "database is locked"  # as SQLite says it of a file
        reason = " ".join(str(error.orig).split())[:MAX_REASON]
        password = self.url.password
        return reason.replace(str(password), "***") if password else reason


def _kind(error: DBAPIError) -> type[RunLogError]:
    """The class of the error that says it in a sentence."""
    if _is_locked(error):
        return LogLockedError
    if not _is_lost(error):
        return RunLogError
    return LogRefusedError if _is_refused(error) else LogUnreachableError


def _is_locked(error: DBAPIError) -> bool:
    """True if another connection held a lock for longer than `busy_s`."""
    return getattr(error.orig, "sqlstate", None) == LOCKED


def _is_refused(error: DBAPIError) -> bool:
    """True if a new connection failed because of the user, the password or the database."""
    reason, connection = str(error.orig), getattr(error.orig, "pgconn", None)
    if getattr(error.orig, "sqlstate", None) or any(words in reason for words in BUSY):
        return False
    return REFUSED in reason or bool(connection and connection.needs_password)


def _is_lost(error: DBAPIError) -> bool:
    """True if the server did not answer or ended the connection, rather than refuse a query."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return type(error.orig).__name__ == "OperationalError" or error.connection_invalidated
    return state.startswith(LOST)


@lru_cache(maxsize=8)
def _engine(url: URL) -> Engine:
    """The engine of a database, with a few connections that are tested before each use."""
    options = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_S}
    return create_engine(url, pool_pre_ping=True, pool_size=2, connect_args=options)
