"""Errors of the run log, each one sentence; free of SQLAlchemy, which takes a while to import."""

from __future__ import annotations

__all__ = [
    "LogLockedError",
    "LogRefusedError",
    "LogUnreachableError",
    "RecordSpooledError",
    "RunLogError",
    "UnusableLogError",
    "unreadable_sentence",
]


class RunLogError(Exception):
    """The log cannot be used; the message is one sentence that names the log and says why."""


class UnusableLogError(RunLogError):
    """The file is damaged, something else's, or of another version: it may be set aside.

    `kind` is one of the reasons of `set_aside`.
    """

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class LogUnreachableError(RunLogError):
    """The server of the log does not answer, or dropped the connection, several times in a row."""


class LogRefusedError(LogUnreachableError):
    """The server answers and lets nobody in: a wrong password, no such database."""


class LogLockedError(LogUnreachableError):
    """The server answers, and another connection holds a lock for longer than one waits."""


class RecordSpooledError(RunLogError):
    """The log's server does not answer; the record waits in a local file and is sent later."""


def unreadable_sentence(n_records: int) -> str | None:
    """One sentence about records that could not be read; None if all could."""
    if not n_records:
        return None
    return f"{n_records} {'record' if n_records == 1 else 'records'} of the log cannot be read"
