"""Workers: answers, refusals and deaths come back as what they are, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from gqa_core.runner.workers import WorkerError, Workers
from tests.scale import repeated

MODULE = "tests.runner.worker_tasks"


@pytest.fixture
def workers():
    return Workers(preload=MODULE)


def test_each_call_runs_in_a_process_of_its_own(workers):
    pids = {workers.call(MODULE, "own_pid") for _ in range(3)}
    assert len(pids) == 3
    assert os.getpid() not in pids


def test_a_value_error_comes_back_as_one(workers):
    with pytest.raises(ValueError, match=r"^context_len must be kind: got 3$"):
        workers.call(MODULE, "refuse", 3)


def test_another_error_comes_back_as_its_first_line(workers):
    with pytest.raises(WorkerError, match=r"^no memory for you$"):
        workers.call(MODULE, "fail", "no memory for you\nhere is a page of advice")


def test_what_a_worker_tells_is_heard_while_it_still_works(workers, tmp_path):
    note, messages = tmp_path / "note", []

    def receive(text):
        messages.append((text, note.exists()))

    assert workers.call(MODULE, "report_then_write", str(note), on_progress=receive) == "written"
    assert messages == [("about to write", False)]
    assert note.exists()


@repeated
def test_a_kill_is_told_with_its_likely_cause(workers, repetition):
    with pytest.raises(WorkerError, match="killed by SIGKILL, most likely for lack of memory"):
        workers.call(MODULE, "kill_oneself", signal.SIGKILL)
    assert workers.call(MODULE, "own_pid")


def test_an_unforeseen_exit_is_told_with_its_code(workers):
    with pytest.raises(WorkerError, match="without a result"):
        workers.call(MODULE, "leave", 7)


@repeated
def test_a_killed_parent_leaves_no_worker_and_no_temporary_files(tmp_path, repetition):
    """kill -9 of the parent must not leave a worker that goes on computing, nor its sockets."""
    note = tmp_path / "pid"
    code = (
        "from gqa_core.runner.workers import Workers\n"
        f"Workers(preload='{MODULE}').call('{MODULE}', 'note_pid_and_sleep', r'{note}')"
    )
    temporary = Path(tempfile.mkdtemp())  # short: a socket's path may have 107 characters
    environment = os.environ | {"TMPDIR": str(temporary)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker = psutil.Process(int(note.read_text()))
    assert list(temporary.iterdir())  # there is something to remove
    parent.kill()
    parent.wait()
    worker.wait(timeout=30)  # left alone, it would sleep for 600 s
    temporary.rmdir()  # which fails unless it is empty
