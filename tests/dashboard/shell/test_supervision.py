"""Runs of several ranks in the queue: one command, no orphan, and an end to silence."""

import os
import sys
import time

import psutil
import pytest

from dashboard.shell import job_queue as queue_module
from dashboard.shell.job_queue import JobQueue
from dashboard.shell.supervision import describe_silence
from gqa_core.records.header import DeviceInfo
from gqa_core.runner.events import Started, encode_event

RANK = """
import os, time
os.write(1, f"{os.environ['RANK']} {os.getpid()}\\n".encode())  # whole lines, of two processes
time.sleep(120)
"""
LAUNCHER = f"""
import os, subprocess, sys, time
ranks = [
    subprocess.Popen(
        [sys.executable, "-c", {RANK!r}],
        env=os.environ | {{"RANK": str(rank)}},
        stdout=sys.stderr,
        start_new_session=True,
    )
    for rank in range(2)
]
if "die" in sys.argv:
    time.sleep(1.5)
    os.kill(os.getpid(), 9)
for rank in ranks:
    rank.wait()
"""


@pytest.fixture
def queue(monkeypatch):
    """A queue whose launcher starts two ranks in sessions of their own, as torchrun does."""

    def command(n_ranks, arguments):
        assert n_ranks == 2
        return [sys.executable, "-c", LAUNCHER, *arguments]

    monkeypatch.setattr(queue_module, "ranks_command", command)
    made = JobQueue(command=["never", "used"])
    yield made
    made.stop()


def started(queue, *words):
    """A run of two ranks, and the process id of each rank, which its first lines name."""
    run = queue.get(queue.submit(["bench", "--tp", "2", *words]))
    wait_for(lambda: len(run.messages) == 2)
    pids = dict(map(int, message.strip(".").split()) for message in run.messages)
    return run, [pids[0], pids[1]]


def wait_for(is_true, seconds=30):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_cancel_kills_ranks_in_sessions_of_their_own(queue):
    run, pids = started(queue)
    queue.cancel(run.id)
    wait_for(lambda: not any(map(runs, pids)))
    assert run.state == "cancelled"


def test_ranks_do_not_outlive_a_launcher_that_is_killed(queue):
    run, pids = started(queue, "die")
    wait_for(lambda: run.state == "failed")
    wait_for(lambda: not any(map(runs, pids)))
    assert run.messages[-1].startswith("The measuring process was killed (SIGKILL)")


def test_a_run_whose_ranks_are_all_silent_ends_and_names_the_stopped_one(queue, monkeypatch):
    run, pids = started(queue)
    monkeypatch.setattr(queue_module, "SILENCE_S", 1.0)
    os.kill(pids[1], 19)  # SIGSTOP
    wait_for(lambda: run.state == "failed")
    assert run.messages[-1].endswith(f": rank 1 (process {pids[1]}) is stopped.")
    wait_for(lambda: not any(map(runs, pids)))
    assert len(run.messages) == 3


def test_ranks_that_all_run_are_not_accused(queue):
    run, _ = started(queue)
    sentence = describe_silence(run.process.pid, 2)
    assert sentence.endswith("all 2 ranks run, and none says why")


def test_one_process_may_be_silent(queue):
    run, _ = started(queue)
    run.arguments = ("bench",)
    assert run.silent_s == 0.0


def test_the_cores_of_a_rank_are_not_those_of_the_device(queue):
    device = {"type": "cpu", "name": "A CPU", "torch_version": "2.13.0", "free_bytes": 1}
    run, _ = started(queue)
    run.on_stderr(encode_event(Started(n_points=1, device_info=DeviceInfo(n_threads=1, **device))))
    assert run.device_info.n_threads == 1
    assert queue.known_device() is None
    queue.set_known_device("auto", DeviceInfo(n_threads=2, **device))
    assert queue.known_device().n_threads == 2
