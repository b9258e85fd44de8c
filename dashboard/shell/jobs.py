"""Jobs: child processes `python -m gqa_core ...`, and what they have reported so far.

A run measures: its stdout carries records, one JSON object per line, and its stderr progress.
Records are held here too, so that they show even where the log cannot keep them. A query prints one
answer. Either can be killed at once and takes nothing of the site with it.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gqa_core.records.record import Record
from gqa_core.runner.run import NOT_KEPT
from gqa_core.runner.workers import signal_name

__all__ = ["Job", "JobState", "QueryJob", "RunJob"]

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
PROGRESS = re.compile(r"(\d+) of (\d+): (.*)")
MAX_QUOTED = 80  # characters of a line that is no record


@dataclass(kw_only=True)
class Job:
    """A child process that waits, runs or has ended; `messages` are whole sentences."""

    arguments: tuple[str, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    state: JobState = "waiting"
    activity: str = "starting torch"
    messages: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_active(self) -> bool:
        """True while it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def command_arguments(self) -> Sequence[str]:
        """The arguments of the child process."""
        return self.arguments

    def on_stdout(self, line: str) -> None:
        """Receive one line of the child's stdout."""
        raise NotImplementedError

    def on_stderr(self, line: str) -> None:
        """Receive one line of the child's stderr, which is a sentence for people."""
        self._add_message(line)

    def finish(self, exit_code: int) -> None:
        """Note how the child ended, unless it was cancelled."""
        if self.state == "cancelled":
            return
        self.state = "failed" if exit_code else "done"
        if exit_code < 0:
            name = signal_name(-exit_code)
            self._add_message(f"The measuring process was killed ({name}) while {self.activity}")
        elif exit_code and not self.messages:
            self._add_message(f"The measuring process ended with exit code {exit_code}")

    def fail_to_start(self, error: OSError) -> None:
        """Note that there is no child."""
        self.state = "failed"
        self._add_message(f"The measuring process could not be started: {error}")

    def _add_message(self, text: str) -> None:
        if text:
            self.messages.append(text if text.endswith(".") else f"{text}.")


@dataclass(kw_only=True)
class QueryJob(Job):
    """A question that takes seconds: the child prints its answer on stdout."""

    output: list[str] = field(default_factory=list)

    def on_stdout(self, line: str) -> None:
        """Keep a line of the answer."""
        self.output.append(line)


@dataclass(kw_only=True)
class RunJob(Job):
    """A measurement, with its progress and the records so far."""

    n_done: int = 0
    n_points: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def has_log(self) -> bool:
        """True unless the run was started without a log."""
        return "--no-log" not in self.arguments

    @property
    def is_logged(self) -> bool:
        """True if the log holds every record of this run."""
        return self.has_log and not any(NOT_KEPT in message for message in self.messages)

    @property
    def device_info(self) -> Mapping[str, Any] | None:
        """The device that the run measures on, once there is a record."""
        if not self.records:
            return None
        record = self.records[0]
        return record["device"] | {"torch_version": record["torch_version"]}

    def on_stdout(self, line: str) -> None:
        """Keep a record, or note a line that is none."""
        try:
            self.records.append(json.loads(line))
        except ValueError:
            quoted = line[:MAX_QUOTED].strip()
            self._add_message(f"The measuring process wrote a line that is no record: {quoted}")

    def on_stderr(self, line: str) -> None:
        """Receive progress; any other line is a sentence, such as that of an error."""
        if progress := PROGRESS.fullmatch(line):
            self.n_done, self.n_points = int(progress[1]), int(progress[2])
            self.activity = progress[3]
        else:
            self._add_message(line)
