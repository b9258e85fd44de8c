"""Errors of the run log, each one sentence; free of SQLAlchemy, which takes a while to import."""

from __future__ import annotations

__all__ = ["LogUnreachableError", "RecordSpooledError", "RunLogError"]


class RunLogError(Exception):
    """The log cannot be used; the message is one sentence that names the log and says why."""


class LogUnreachableError(RunLogError):
    """The server of the log does not answer, or dropped the connection, several times in a row."""


class RecordSpooledError(RunLogError):
    """The log's server does not answer; the record waits in a local file and is sent later."""
