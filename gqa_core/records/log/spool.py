"""The local file in which records wait while the server of their log does not answer.

One JSON object per line. A line that cannot be read any more is moved to a file beside it and stops
nothing. A record is written through to the disk before anybody is told that it is
kept; a line without an end is what a kill left of one that nobody was told about. Sending is safe
to repeat: a log keeps a run's point once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs
from filelock import FileLock

from gqa_core.records.log.errors import RunLogError

__all__ = ["Spool"]

LOCK_S = 60.0  # for another process to finish with the file


class Spool:
    """The waiting records of the log called `name`, shared by all processes of this user."""

    def __init__(self, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        folder = Path(platformdirs.user_data_dir("gqa-lab", appauthor=False)) / "spool"
        self.path = folder / f"{digest}.jsonl"

    @property
    def n_records(self) -> int:
        """The number of records that wait."""
        return len(self._lines()) if self.path.exists() else 0

    def validate_writable(self) -> None:
        """Raise RunLogError unless a record could be kept now."""
        with self._open():
            pass

    def add(self, body: str) -> None:
        """Append a record; it survives a kill and a power cut on return.

        Raises:
            RunLogError: the file cannot be written.
        """
        with self._open() as file:
            file.truncate(_complete_bytes(self.path))
            file.write(body.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The file to append to, which nobody else has open.

        Raises:
            RunLogError: it cannot be opened, or what the block writes cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock(), open(self.path, "a+b") as file:
                yield file
        except OSError as error:
            raise RunLogError(f"nor can {self.path}: {error.strerror or error}") from error

    def send(self, insert: Callable[[Sequence[str]], Sequence[str]]) -> int:
        """Hand all waiting records to `insert` and remove them; returns the number that was sent.

        `insert` returns the lines that are no records: they are moved to `unreadable_path`. If it
        raises, all stay.
        """
        if not self.path.exists():
            return 0
        with self._lock():
            lines = self._lines()
            unreadable = insert(lines) if lines else []
            if unreadable:
                with open(self.unreadable_path, "a", errors="surrogateescape") as file:
                    file.writelines(f"{line}\n" for line in unreadable)
            self.path.unlink(missing_ok=True)
        return len(lines) - len(unreadable)

    @property
    def unreadable_path(self) -> Path:
        """The file of lines that were no records when they were to be sent."""
        return self.path.with_suffix(".unreadable.jsonl")

    def _lines(self) -> list[str]:
        """The complete lines of the file."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [
            line.decode(errors="surrogateescape")
            for line in data[: data.rfind(b"\n") + 1].splitlines()
        ]

    def _lock(self) -> FileLock:
        return FileLock(f"{self.path}.lock", timeout=LOCK_S)


def _complete_bytes(path: Path) -> int:
    """The length of a file up to its last line end."""
    return path.read_bytes().rfind(b"\n") + 1
