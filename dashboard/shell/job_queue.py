"""The one queue of child processes that import torch: one at a time, whoever asks.

Two runs side by side would spoil each other's timings. Queries, which take seconds, go before runs
that wait, and are refused while a run is measured. No streamlit in this file.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from dashboard.shell.admission import Admission
from dashboard.shell.jobs import Job, QueryJob, RunJob
from dashboard.shell.process import process_wide
from dashboard.shell.run_guard import cap_bytes, reason_to_end
from dashboard.shell.supervision import SILENCE_S, describe_silence, kill_marked, kill_tree
from dashboard.shell.temporary import remove_folders_of_ended_servers, run_folder
from gqa_core.limits.settings import limits
from gqa_core.records.device_names import DEFAULT_DEVICE
from gqa_core.records.header import DeviceInfo
from gqa_core.runner.ranks import RANKS_ENVIRONMENT, ranks_command
from gqa_core.server_watch import CHILD_BYTES

__all__ = [
    "JobError",
    "JobQueue",
    "MachineBusyError",
    "QueryError",
    "QueryTimeoutError",
    "job_queue",
]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "gqa_core")
MAX_REMEMBERED = 64  # runs
WATCH_S = 1.0  # between two looks at what runs and waits


class JobError(RuntimeError):
    """The queue has no result; the message is one clause for people."""


class MachineBusyError(JobError):
    """A run is being measured, which a query would disturb."""


class QueryError(JobError):
    """The child of a query failed; the message is the last it wrote."""


class QueryTimeoutError(QueryError):
    """A query was not answered within its time limit."""


class JobQueue:
    """Runs jobs one at a time, first come first served, on a thread of its own.

    Another thread ends those whose visitor has left, or which are over a limit.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        remove_folders_of_ended_servers()
        self._runs: OrderedDict[str, RunJob] = OrderedDict()
        self._queries: list[QueryJob] = []
        self._changed = threading.Condition()
        self._known_devices: dict[str, DeviceInfo] = {}
        self._admission = Admission()
        self.is_present: Callable[[str], bool] = lambda visitor: True
        threading.Thread(target=self._work, name="measuring", daemon=True).start()
        threading.Thread(target=self._guard, name="guarding", daemon=True).start()
        atexit.register(self.stop)

    def submit(self, arguments: Sequence[str], visitor: str = "", address: str = "") -> str:
        """The id of a new run with these arguments of `python -m gqa_core`.

        `address` is where the visitor comes from, if anybody knows.

        Raises:
            LimitError: the queue is full, or the visitor or the address has had a fair share of it.
        """
        with self._changed:
            self._admission.admit_run(visitor, address, tuple(arguments), self._runs.values())
            run = RunJob(arguments=tuple(arguments), visitor=visitor, address=address)
            self._runs[run.id] = run
            ended = [known.id for known in self._runs.values() if not known.is_active]
            for old in ended[: max(len(self._runs) - MAX_REMEMBERED, 0)]:
                del self._runs[old]
            self._changed.notify_all()
        return run.id

    def query(self, arguments: Sequence[str], time_limit_s: float, visitor: str = "") -> str:
        """The stdout of `python -m gqa_core` with these arguments; waits for it.

        The time limit covers the wait for other queries too; what runs then is killed.

        Raises:
            MachineBusyError: a run is being measured.
            LimitError: too many queries wait, or the visitor has had a fair share.
            QueryTimeoutError: there was no answer in time.
            QueryError: the child failed.
        """
        job = QueryJob(arguments=tuple(arguments), visitor=visitor)
        with self._changed:
            if self.is_measuring:
                raise MachineBusyError("a run is being measured")
            self._admission.admit_query(visitor, self._queries)
            self._queries.append(job)
            self._changed.notify_all()
        try:
            if not job.ended.wait(time_limit_s):
                raise QueryTimeoutError(f"no answer within {time_limit_s:g} s")
        finally:
            self._end(job)
            with self._changed:
                self._queries.remove(job)
        if job.state != "done":
            raise QueryError(job.messages[-1].removesuffix(".") if job.messages else job.state)
        return "\n".join(job.output)

    def get(self, run_id: str | None) -> RunJob | None:
        """The run of this id, if it is still remembered."""
        return self._runs.get(run_id or "")

    @property
    def is_measuring(self) -> bool:
        """True while a run is being measured."""
        return any(run.state == "running" for run in self._runs.values())

    def known_device(self, name: str = DEFAULT_DEVICE) -> DeviceInfo | None:
        """The device of this name, as its last run reported it or as it was set; else None.

        A rank among several reports its share of the cores, which is not the device.
        """
        reported = [
            run.device_info
            for run in self._runs.values()
            if run.device_info and run.device_name == name and run.n_ranks == 1
        ]
        return reported[-1] if reported else self._known_devices.get(name)

    def set_known_device(self, name: str, info: DeviceInfo) -> None:
        """Remember the device of this name."""
        self._known_devices[name] = info

    def n_ahead(self, run_id: str) -> int:
        """The number of active runs before this one, the running one included."""
        with self._changed:
            active = [run.id for run in self._runs.values() if run.is_active]
        return active.index(run_id) if run_id in active else 0

    def own_runs(self, visitor: str) -> list[RunJob]:
        """The remembered runs of a visitor, oldest first."""
        return [run for run in list(self._runs.values()) if visitor and run.visitor == visitor]

    def cancel(self, run_id: str) -> None:
        """End a run now: its process and all that it started are killed."""
        if run := self.get(run_id):
            self._end(run)

    def stop(self) -> None:
        """End all jobs."""
        for job in [*self._runs.values(), *self._queries]:
            self._end(job)

    def _guard(self) -> None:
        """End jobs whose visitor has left, or which are over a limit, once a second."""
        while True:
            time.sleep(WATCH_S)
            with self._changed:
                active = [j for j in [*self._runs.values(), *self._queries] if j.is_active]
            for job in active:
                if reason := reason_to_end(job, time.monotonic(), self.is_present):
                    with self._changed:
                        job.fail(reason)
                    if job.process is not None:
                        kill_tree(job.process.pid)

    def _end(self, job: Job) -> None:
        with self._changed:
            if not job.is_active:
                return
            job.state = "cancelled"
            process = job.process
        if process is not None:
            kill_tree(process.pid)

    def _work(self) -> None:
        while True:
            with self._changed:
                while (job := self._next()) is None:
                    self._changed.wait()
                job.state = "running"
                if isinstance(job, RunJob):
                    job.started_s = time.monotonic()
                try:
                    # A killed child cannot remove its temporary files: they go with this folder.
                    folder = run_folder()
                    process = job.process = self._start(job, folder.name)
                except OSError as error:
                    job.fail_to_start(error)
                    job.ended.set()
                    continue
            with folder:
                self._follow(job, process, folder.name)
            job.ended.set()

    def _next(self) -> Job | None:
        """The job whose turn it is: a query, or the run that came first."""
        jobs: list[Job] = [*self._queries, *self._runs.values()]
        return next((job for job in jobs if job.state == "waiting"), None)

    def _start(self, job: Job, temporary_folder: str) -> subprocess.Popen[str]:
        command: Sequence[str] = (*self._command, *job.command_arguments)
        job.cap_bytes = cap_bytes()
        environment = os.environ | {"TMPDIR": temporary_folder, CHILD_BYTES: str(job.cap_bytes)}
        if limits().threads:
            environment |= {"OMP_NUM_THREADS": str(limits().threads)}
        if job.n_ranks > 1:
            command = ranks_command(job.n_ranks, job.command_arguments)
            environment |= RANKS_ENVIRONMENT
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,  # whose end tells the child that this process is gone
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def _follow(self, job: Job, process: subprocess.Popen[str], temporary_folder: str) -> None:
        """Read both pipes until the child has ended, and leave nothing that it has started."""
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            _start_reader(process.stderr, job.on_stderr),
            _start_reader(process.stdout, job.on_stdout),
        ]
        exit_code = self._wait(job, process)
        if job.n_ranks > 1:
            kill_marked(temporary_folder)
        for reader in readers:
            reader.join(timeout=5)
        if process.stdin is not None:
            process.stdin.close()
        with self._changed:
            job.finish(exit_code)

    def _wait(self, job: Job, process: subprocess.Popen[str]) -> int:
        """The exit code of the child; one of several ranks is ended when all are silent."""
        while True:
            try:
                return process.wait(timeout=WATCH_S)
            except subprocess.TimeoutExpired:
                if job.silent_s > SILENCE_S:
                    sentence = describe_silence(process.pid, job.n_ranks)
                    with self._changed:
                        job.fail(sentence)
                    kill_tree(process.pid)


def job_queue() -> JobQueue:
    """The one queue of this server's process."""
    return process_wide("job_queue", JobQueue)


def _start_reader(pipe: IO[str], on_line: Callable[[str], None]) -> threading.Thread:
    def read() -> None:
        for line in pipe:
            on_line(line.rstrip("\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
