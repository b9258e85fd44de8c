"""The run log that a visitor sees: everybody's, or one of the own session, or none.

The log of a session is a file of this server's, with the records of the visitor's own runs and
imports. It goes when the visitor has left.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path

import psutil

from dashboard.shell import visitors
from dashboard.shell.job_queue import job_queue
from dashboard.shell.page_log import page_log
from dashboard.shell.process import process_wide
from gqa_core.limits.settings import limits
from gqa_core.records.run_log import RunLog, RunLogError

__all__ = ["visible_log"]

PREFIX = "gqa-visitors-"  # then the process that made the folder


def visible_log() -> RunLog:
    """The log that this visitor's pages read, and into which their imports go."""
    match limits().visible_records:
        case "shared":
            return page_log()
        case "shipped":
            return RunLog(_folder() / "none.sqlite")  # is missing: it has no records
        case "session":
            return _session_log(visitors.visitor())


class SessionLogs:
    """The folder of the logs of sessions, how much of each run they have, and who was seen when."""

    def __init__(self) -> None:
        _remove_folders_of_ended_servers()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.n_copied: dict[str, int] = {}  # records, by the id of the run
        self.last_visit_s: dict[str, float] = {}  # by visitor
        self.lock = threading.Lock()

    def path(self, visitor: str) -> Path:
        """The file of a visitor, whose name tells nobody the visitor's."""
        return self.folder / f"{sha256(visitor.encode()).hexdigest()[:32]}.sqlite"

    def copy_runs(self, visitor: str, log: RunLog) -> None:
        """Add what the visitor's runs have measured since the last call, or all to a new file."""
        is_new = log.is_missing  # the visitor left and came back, or the file was set aside
        for run in job_queue().own_runs(visitor):
            first, last = 0 if is_new else self.n_copied.get(run.id, 0), len(run.records)
            if first < last:
                log.add_absent(run.records[first:last])
            self.n_copied[run.id] = last

    def remove_logs_of_absent(self, visitor: str) -> None:
        """Delete the files of visitors who have left; this one has just been seen."""
        now_s = time.monotonic()
        self.last_visit_s[visitor] = now_s
        for name, time_s in list(self.last_visit_s.items()):
            if visitors.is_present(name):
                self.last_visit_s[name] = now_s
            elif now_s - time_s > limits().closed_running_seconds:
                del self.last_visit_s[name]
                for file in self.folder.glob(f"{self.path(name).name}*"):
                    file.unlink(missing_ok=True)


def _session_log(visitor: str) -> RunLog:
    logs = _logs()
    with logs.lock:
        logs.remove_logs_of_absent(visitor)
        log = RunLog(logs.path(visitor))
        logs.copy_runs(visitor, log)
    return log


def _logs() -> SessionLogs:
    try:
        return process_wide("session_logs", SessionLogs)
    except OSError as error:  # such as a folder for temporary files that is gone, or full
        reason = error.strerror or error
        raise RunLogError(f"log of this session cannot be opened: {reason}") from error


def _folder() -> Path:
    return _logs().folder


def _remove_folders_of_ended_servers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (match := re.match(rf"{PREFIX}(\d+)-", folder.name)) and not psutil.pid_exists(
            int(match[1])
        ):
            shutil.rmtree(folder, ignore_errors=True)
