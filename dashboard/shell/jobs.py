"""Measuring from a page: one child process at a time, whoever asks, and a queue for the rest.

Two runs side by side would spoil each other's timings, so the server has one queue. A run is a
child process, `python -m gqa_core bench ...` say, whose stdout carries records and whose stderr
carries progress: it can be killed at once, and takes nothing of the site with it. Records are held
here too, so that they show even where the log cannot keep them. No streamlit in this file.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from gqa_core.runner.run import NOT_KEPT
from gqa_core.runner.workers import signal_name

ROOT = Path(__file__).parents[2]
MAX_WAITING = 8
MAX_REMEMBERED = 64
PROGRESS = re.compile(r"(\d+) of (\d+): (.*)")
COMMAND = (sys.executable, "-m", "gqa_core")


class QueueFullError(ValueError):
    """Too many runs wait already; the message says how many."""


@dataclass
class Job:
    """One asked run. `state` is waiting, running, done, failed or cancelled."""

    arguments: tuple[str, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    state: str = "waiting"
    n_done: int = 0
    n_points: int = 0
    doing: str = "starting torch"
    said: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    process: subprocess.Popen | None = None

    @property
    def is_active(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def lost_records(self) -> bool:
        """Whether some records are held here alone, because no log has them."""
        return "--no-log" in self.arguments or any(NOT_KEPT in line for line in self.said)

    def hear(self, line: str) -> None:
        """Take one line of the child's stderr: progress, or a sentence to show."""
        if progress := PROGRESS.fullmatch(line):
            self.n_done, self.n_points = int(progress[1]), int(progress[2])
            self.doing = progress[3]
        elif line:
            self.said.append(line if line.endswith(".") else f"{line}.")

    def take(self, line: str) -> None:
        """Take one line of the child's stdout: a record."""
        try:
            self.records.append(json.loads(line))
        except ValueError:
            self.said.append(
                f"The measuring process wrote a line that is no record: {line[:80].strip()}."
            )


class JobQueue:
    """Runs the jobs it is given, first come first served, on a thread of its own."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="measuring", daemon=True).start()
        atexit.register(self._stop)

    def submit(self, arguments: Sequence[str]) -> str:
        """The id of a new job with these arguments of `python -m gqa_core`.

        Raises:
            QueueFullError: MAX_WAITING jobs wait already.
        """
        with self._changed:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= MAX_WAITING:
                raise QueueFullError(f"{waiting} runs wait already: try again when one is done")
            job = Job(arguments=tuple(arguments))
            self._jobs[job.id] = job
            ended = [known.id for known in self._jobs.values() if not known.is_active]
            for old in ended[: max(len(self._jobs) - MAX_REMEMBERED, 0)]:
                del self._jobs[old]
            self._changed.notify_all()
        return job.id

    def get(self, job_id: str | None) -> Job | None:
        """The job of this id, if it is still remembered."""
        return self._jobs.get(job_id or "")

    def n_ahead(self, job_id: str) -> int:
        """How many runs come before this one, the running one included."""
        with self._changed:
            active = [job.id for job in self._jobs.values() if job.is_active]
        return active.index(job_id) if job_id in active else 0

    def cancel(self, job_id: str) -> None:
        """End a job now: its process and all that it started are killed."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or not job.is_active:
                return
            job.state = "cancelled"
            process = job.process
        if process is not None:
            kill_tree(process.pid)

    def _work(self) -> None:
        while True:
            with self._changed:
                job = self._changed.wait_for(self._next)
                job.state = "running"
                try:
                    # A killed run cannot remove its temporary files: they go with this folder.
                    folder = tempfile.TemporaryDirectory(prefix="gqa-", ignore_cleanup_errors=True)
                    job.process = self._start(job, folder.name)
                except OSError as error:
                    job.state = "failed"
                    job.said.append(f"The measuring process could not be started: {error}.")
                    continue
            with folder:
                self._follow(job, job.process)

    def _start(self, job: Job, temporary_folder: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*self._command, *job.arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": temporary_folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)

    def _follow(self, job: Job, process: subprocess.Popen) -> None:
        """Read both pipes until the child is gone, then say how it ended."""
        readers = [
            _reader(process.stderr, job.hear),
            _reader(process.stdout, job.take),
        ]
        code = process.wait()
        for reader in readers:
            reader.join(timeout=5)
        with self._changed:
            if job.state == "cancelled":
                return
            job.state = "failed" if code else "done"
            if code < 0:
                killer = signal_name(-code)
                job.said.append(f"The measuring process was killed ({killer}) while {job.doing}.")
            elif code and not job.said:
                job.said.append(f"The measuring process ended with exit code {code}.")

    def _stop(self) -> None:
        for job in list(self._jobs.values()):
            self.cancel(job.id)


def kill_tree(pid: int) -> None:
    """Kill a process and everything it started, children of children included."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def _reader(pipe: Any, take: Callable[[str], None]) -> threading.Thread:
    def read() -> None:
        for line in pipe:
            take(line.rstrip("\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
