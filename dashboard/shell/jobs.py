"""Jobs: child processes `python -m gqa_core ...`, and what they have reported so far.

A run measures: its stdout carries records and its stderr events, one JSON object per line. Records
are held here too, so that they show even where the log cannot keep them. A query prints one answer.
Either can be killed at once and takes nothing of the site with it. No streamlit in this file.
"""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gqa_core.records.device_names import DEFAULT_DEVICE
from gqa_core.records.header import DeviceInfo
from gqa_core.records.kinds import Record, decode_record
from gqa_core.runner.events import (
    Event,
    Finished,
    Note,
    NotLogged,
    PointFailed,
    Progress,
    Started,
    Waiting,
    decode_event,
)
from gqa_core.runner.workers import signal_name

__all__ = ["Job", "JobState", "QueryJob", "RunJob"]

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
MAX_QUOTED = 80  # characters of a line that is no record


@dataclass(kw_only=True)
class Job(ABC):
    """A child process that waits, runs or has ended; `messages` are whole sentences."""

    arguments: tuple[str, ...]
    # Whoever knows it may follow and cancel the run: it cannot be guessed.
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    visitor: str = ""  # who started it; an empty one is the program itself, whom no limit binds
    address: str = ""  # from where; empty where nobody knows
    cap_bytes: int = 0  # most that its processes may take together; 0 before they start
    absent_since_s: float | None = None  # of the monotonic clock: since when its tab is closed
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

    @property
    def n_ranks(self) -> int:
        """The processes that share the work."""
        return 1

    @property
    def silent_s(self) -> float:
        """Seconds since ranks last reported; 0 of a child that may be silent."""
        return 0.0

    @abstractmethod
    def on_stdout(self, line: str) -> None:
        """Receive one line of the child's stdout."""

    def on_stderr(self, line: str) -> None:
        """Receive one line of the child's stderr, which is a sentence for people."""
        self._add_message(line)

    def finish(self, exit_code: int) -> None:
        """Note how the child ended, unless it was cancelled or has failed already."""
        if not self.is_active:
            return
        self.state = "failed" if exit_code else "done"
        if exit_code < 0:
            name = signal_name(-exit_code)
            self._add_message(f"The measuring process was killed ({name}) while {self.activity}")
        elif exit_code and not self.messages:
            self._add_message(f"The measuring process ended with exit code {exit_code}")

    def fail_to_start(self, error: OSError) -> None:
        """Note that there is no child."""
        self.fail(f"The measuring process could not be started: {error}")

    def fail(self, reason: str) -> None:
        """Note why the run has failed."""
        if self.is_active:
            self.state = "failed"
            self._add_message(reason)

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
    n_not_logged: int = 0
    device_info: DeviceInfo | None = None
    waits_for: Waiting | None = None  # a run of another program on this machine
    records: list[Record] = field(default_factory=list)
    started_s: float | None = None  # of the monotonic clock
    last_point_s: float = 0.0  # of the monotonic clock: when n_done last rose
    last_line_s: float | None = None  # of the monotonic clock: when the last line came

    def seconds(self, now_s: float) -> float:
        """Seconds since the run began; 0 while it waits."""
        return 0.0 if self.started_s is None else now_s - self.started_s

    def seconds_left(self, now_s: float, estimate_s: float) -> float:
        """About the seconds that are left: by the points done so far, else by an estimate.

        A search that narrows down early ends sooner; 0 where a point takes longer than the others.
        """
        elapsed_s = self.seconds(now_s)
        if not self.n_done:
            return max(estimate_s - elapsed_s, 0.0)
        since_point_s = now_s - self.last_point_s
        per_point_s = (elapsed_s - since_point_s) / self.n_done
        return max(per_point_s * (self.n_points - self.n_done) - since_point_s, 0.0)

    @property
    def command_arguments(self) -> Sequence[str]:
        """The arguments of the child, which reports events."""
        return (*self.arguments, "--events")

    @property
    def n_ranks(self) -> int:
        """The ranks that share each step; one unless the run is tensor parallel."""
        return int(self._option("--tp", "1"))

    @property
    def silent_s(self) -> float:
        """Seconds since the ranks last wrote a line; 0 of one process, or while they wait."""
        last_s = self.last_line_s or self.started_s
        if self.n_ranks == 1 or self.waits_for or last_s is None:
            return 0.0
        return time.monotonic() - last_s

    @property
    def device_name(self) -> str:
        """The name of the device that the run requests."""
        return self._option("--device", DEFAULT_DEVICE)

    def _option(self, flag: str, default: str) -> str:
        """The value of an option of the run."""
        arguments = self.arguments
        return arguments[arguments.index(flag) + 1] if flag in arguments else default

    @property
    def has_log(self) -> bool:
        """True unless the run was started without a log."""
        return "--no-log" not in self.arguments

    @property
    def is_logged(self) -> bool:
        """True if the log holds every record of this run."""
        return self.has_log and not self.n_not_logged

    def on_stdout(self, line: str) -> None:
        """Keep a record, or note a line that is none."""
        self.last_line_s = time.monotonic()
        try:
            self.records.append(decode_record(line))
        except ValueError:
            quoted = line[:MAX_QUOTED].strip()
            self._add_message(f"The measuring process wrote a line that is no record: {quoted}")

    def on_stderr(self, line: str) -> None:
        """Receive an event; any other line is a sentence, such as that of an error."""
        self.last_line_s = time.monotonic()
        try:
            self._on_event(decode_event(line))
        except ValueError:
            self._add_message(line)

    def _on_event(self, event: Event) -> None:
        match event:
            case Waiting():
                self.waits_for = event
            case Started():
                if self.waits_for:
                    self.waits_for, self.started_s = None, time.monotonic()
                self.n_points, self.device_info = event.n_points, event.device_info
            case Progress():
                if event.n_done > self.n_done:
                    self.last_point_s = time.monotonic()
                self.n_done, self.n_points = event.n_done, event.n_points
                self.activity = event.activity
            case Finished():
                self.n_done = self.n_points = event.n_points
            case NotLogged():
                self.n_not_logged = event.n_records
                self._add_message(str(event))
            case PointFailed() | Note():
                self._add_message(str(event))
