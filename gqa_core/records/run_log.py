"""The run log: every record ever measured, in one SQLite file that many may write and read.

Write-ahead logging lets readers go on while a writer commits, and a commit is one record: a writer
that is killed loses the point it was timing and nothing before it. One row a record, its JSON kept
whole with the raw samples, a few fields beside it to find it by. Whether a record was measured here
or imported is a column of the row, not a word of the record: no record can claim it. Free of torch.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import platformdirs

from gqa_core.records.record import MEASURED_ELSEWHERE, MEASURED_HERE, Record, row

if TYPE_CHECKING:
    import pandas as pd

LOG_VERSION = 1
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


class RunLogError(ValueError):
    """The log cannot be used; the message names the file and says why."""


class RunLog:
    """One log file: `path`, or the environment's GQA_RUN_LOG, or the user's data folder.

    Raises (every method):
        RunLogError: the file is not a run log, is of a newer version, or cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        default = Path(platformdirs.user_data_dir("gqa-lab", appauthor=False)) / "runs.sqlite"
        if path == "":
            raise RunLogError("log must be the name of a file: got an empty one")
        self.path = Path(path or os.environ.get(ENVIRONMENT) or default)

    def require_writable(self) -> None:
        """Nothing, if a record could be appended now; makes the file where there is none."""
        with self._writing() as connection:
            connection.execute("ROLLBACK")

    def append(self, record: Record) -> None:
        """Keep one record measured here; committed, and safe from a kill, when this returns."""
        values = _values(record, MEASURED_HERE)
        with self._writing() as connection:
            connection.execute(INSERT, values)
            connection.execute("COMMIT")

    def import_records(self, records: Iterable[Record]) -> list[bool]:
        """Keep records measured elsewhere, in one commit; for each, whether it was new here."""
        rows = [_values(record, MEASURED_ELSEWHERE) for record in records]
        once = f"{INSERT} ON CONFLICT (run_id, point) DO NOTHING"
        with self._writing() as connection:
            is_new = [connection.execute(once, values).rowcount == 1 for values in rows]
            connection.execute("COMMIT")
        return is_new

    def records(self, kind: str | None = None) -> list[Record]:
        """All records, or those of one kind, oldest first; none where there is no file yet."""
        return [record for record, _ in self.with_evidence(kind)]

    def measured_here(self, kind: str) -> list[Record]:
        """The records of one kind that this log's owner measured: none that were imported."""
        return [
            record for record, evidence in self.with_evidence(kind) if evidence == MEASURED_HERE
        ]

    def with_evidence(self, kind: str | None = None) -> list[tuple[Record, str]]:
        """The same records, each with its evidence: measured here, or measured elsewhere."""
        query = "SELECT body, evidence FROM records WHERE kind = coalesce(?, kind) ORDER BY id"
        found = self._read(lambda connection: connection.execute(query, (kind,)).fetchall())
        return [(json.loads(body), evidence) for body, evidence in found or ()]

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are."""
        query = "SELECT kind, count(*) FROM records GROUP BY kind ORDER BY kind"
        return dict(self._read(lambda connection: connection.execute(query).fetchall()) or ())

    def version(self) -> str:
        """What changes with every append, and with another file under the same name."""
        query = "SELECT count(*), max(run_id) FROM records"
        found = self._read(lambda connection: connection.execute(query).fetchone())
        return str(found or (0, None))

    def to_frame(self, kind: str = "decode") -> pd.DataFrame:
        """One row a record, as `records.record.row` flattens it, its evidence, samples as lists."""
        import pandas as pd

        with_evidence = self.with_evidence(kind)
        return pd.DataFrame(
            [row(record) | {"evidence": evidence} for record, evidence in with_evidence]
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a write transaction, which the caller ends."""
        with self._speaking("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect(f"{self.path.absolute().as_uri()}?mode=rwc")) as connection:
                if self._is_empty(connection):
                    _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
                connection.execute("BEGIN IMMEDIATE")
                if self._is_empty(connection):
                    connection.execute(SCHEMA)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {LOG_VERSION}")
                    connection.execute("COMMIT")
                    connection.execute("BEGIN IMMEDIATE")
                self._require_ours(connection)
                yield connection

    def _read(self, ask: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `ask` answers, or None where there is no log yet."""
        with self._speaking("read"):
            if not self.path.exists():
                return None
            uri = self.path.absolute().as_uri()
            try:
                return self._ask(f"{uri}?mode=ro", ask)
            except sqlite3.OperationalError:
                pending = Path(f"{self.path}-wal")
                if os.access(self.path.parent, os.W_OK) or pending.exists():
                    raise
                # A read-only folder has no room for the shared memory of WAL, nor any writer.
                return self._ask(f"{uri}?immutable=1", ask)

    def _ask(self, uri: str, ask: Callable[[sqlite3.Connection], T]) -> T | None:
        with closing(self._connect(uri)) as connection:
            if self._is_empty(connection):
                return None
            self._require_ours(connection)
            return ask(connection)

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)

    @staticmethod
    def _is_empty(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0

    def _require_ours(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise RunLogError(f"log {self.path} is a database of something else, not a run log")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > LOG_VERSION:
            raise RunLogError(
                f"log {self.path} has schema version {version}, newer than {LOG_VERSION}, "
                "which is the newest this program knows"
            )

    @contextmanager
    def _speaking(self, verb: str) -> Iterator[None]:
        """Turn the errors of files and databases into one sentence."""
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RunLogError(f"log {self.path} cannot be {verb}: {reason}") from error


def _values(record: Record, evidence: str) -> tuple[object, ...]:
    keys = [record[name] for name in ("run_id", "point", "kind", "created_at")]
    return (*keys, evidence, json.dumps(record, allow_nan=False))


def _patiently(ask: Callable[[], object]) -> None:
    """Ask again while another process holds the file: a change of journal mode does not wait."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            ask()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
