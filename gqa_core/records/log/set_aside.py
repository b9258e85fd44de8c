"""Sets a log aside that this program cannot use: renamed beside itself, whole, never deleted.

The name says why and when: `runs.sqlite.damaged-20261129T142755Z`. A server that cannot use its log
would otherwise keep nothing more; a command line, whose user named the file, refuses instead.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from sqlite3 import DatabaseError, OperationalError, connect

from filelock import FileLock, Timeout

from gqa_core.records.log.errors import RunLogError, UnusableLogError

__all__ = ["REASONS", "set_aside", "set_aside_names"]

REASONS = {  # in a file's name, and in a sentence
    "damaged": "was damaged",
    "foreign": "was something else",
    "newer": "was of a newer version of this program",
    "older": "was of a version too old for this program",
}
LOCK_S = 2.0  # for another server that sets the same file aside
COMPANIONS = ("-wal", "-shm")  # what SQLite keeps beside a file, by the file's name


def set_aside(path: Path, try_it: Callable[[], object]) -> Path | None:
    """Rename the file unless `try_it` finds it usable meanwhile; returns its new path.

    Raises:
        RunLogError: another process has the file locked, or it cannot be renamed.
    """
    try:
        with FileLock(f"{path}.lock", timeout=LOCK_S):
            try:
                try_it()
            except UnusableLogError as error:
                return _rename(path, error.kind)
            return None
    except (OSError, Timeout) as error:
        reason = "another process does so" if isinstance(error, Timeout) else error.strerror
        raise RunLogError(f"log {path} cannot be set aside: {reason}") from error


def set_aside_names(path: Path) -> list[str]:
    """The names of the files beside a log that were set aside from its place, oldest first."""
    starts = tuple(f"{path.name}.{kind}-" for kind in REASONS)
    names = [entry.name for entry in path.parent.glob(f"{path.name}.*-*Z*")]
    return sorted(name for name in names if name.startswith(starts) and name[-4:] not in COMPANIONS)


def _rename(path: Path, kind: str) -> Path:
    _require_unlocked(path)
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{path}.{kind}-{moment}{f'.{number}' * bool(number)}" for number in count())
    target = next(Path(name) for name in names if not Path(name).exists())
    path.rename(target)  # first: without it, its companions are nobody's
    for ending in COMPANIONS:
        companion = Path(f"{path}{ending}")
        if companion.exists():
            companion.rename(f"{target}{ending}")
    return target


def _require_unlocked(path: Path) -> None:
    """Raise RunLogError if another program is writing into the file."""
    try:
        with closing(connect(path.absolute().as_uri(), uri=True, timeout=0.2)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except OperationalError as error:
        if "locked" in str(error):
            raise RunLogError(f"log {path} cannot be set aside: {error}") from error
    except DatabaseError:
        return  # no database, so that nobody can have it locked
