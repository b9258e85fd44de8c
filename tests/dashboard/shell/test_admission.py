"""Visitors are strangers in the queue: a fair share each, and an end when they have left."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from dashboard.shell import job_queue as queue_module
from dashboard.shell import run_guard
from dashboard.shell.job_queue import JobQueue
from gqa_core.limits.refusal import LimitError

CHILD = """
import os, sys, time
if "take" in sys.argv:
    block = bytearray(b"1") * (300 * 10**6)
print("threads", os.environ.get("OMP_NUM_THREADS"), file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.fixture
def queue(monkeypatch):
    monkeypatch.setattr(queue_module, "WATCH_S", 0.1)
    made = JobQueue(command=[sys.executable, "-c", CHILD])
    yield made
    made.stop()


def wait_for(is_true, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(queue, visitor, *words):
    run = queue.get(queue.submit(words or ["bench"], visitor))
    wait_for(lambda: run.messages)
    return run


def test_a_visitor_runs_one_and_waits_with_one(queue, set_limits):
    set_limits(visitor_runs=3)
    started(queue, "ada")
    queue.submit(["bench"], "ada")
    with pytest.raises(LimitError, match="one of yours waits"):
        queue.submit(["bench"], "ada")
    queue.submit(["bench"], "bob")  # still has his share


def test_a_host_admits_one_run_per_visitor_and_four_that_wait(queue, set_limits):
    set_limits(hosted=1)
    started(queue, "ada")
    with pytest.raises(LimitError, match="limited to 1 at once here: 1 of yours"):
        queue.submit(["bench"], "ada")
    for number in range(4):
        queue.submit(["bench"], f"visitor {number}")
    with pytest.raises(
        LimitError, match="the queue of runs is limited to 4 here: 4 runs wait already"
    ):
        queue.submit(["bench"], "bob")
    with pytest.raises(LimitError, match=r"no training is started here.*GQA_ALLOW_TRAINING=1"):
        queue.submit(["quality", "--start", "mean"], "bob")


def test_one_address_cannot_fill_the_queue_with_many_tabs(queue, set_limits):
    set_limits(hosted=1)
    started(queue, "tab 0")
    for number in (1, 2):
        waiting = queue.submit(["bench"], f"tab {number}", "8.8.4.4")
    sentence = "per address are limited to 2 here: 2 runs wait that .* GQA_ADDRESS_RUNS lifts"
    with pytest.raises(LimitError, match=sentence):
        queue.submit(["bench"], "tab 3", "8.8.4.4")
    queue.submit(["bench"], "bob", "8.8.8.8")
    queue.cancel(waiting)
    queue.submit(["bench"], "tab 3", "8.8.4.4")


def test_a_run_from_an_unknown_address_is_bound_by_the_queue_alone(queue, set_limits):
    set_limits(hosted=1)
    for number in range(5):
        run = queue.get(queue.submit(["bench"], f"visitor {number}"))
        wait_for(lambda run=run, number=number: number or run.state == "running")


def test_runs_and_queries_of_an_hour_are_counted_together(queue, set_limits):
    set_limits(visitor_runs_per_hour=2)
    for _ in range(2):
        queue.cancel(queue.submit(["bench"], "ada"))
    with pytest.raises(LimitError, match="limited to 2 per hour here: you started 2"):
        queue.submit(["bench"], "ada")
    with pytest.raises(LimitError, match="GQA_VISITOR_RUNS_PER_HOUR"):
        queue.query(["inspect-heads"], 1, "ada")
    queue.cancel(queue.submit(["bench"], "bob"))


def test_measuring_can_be_switched_off(queue, set_limits):
    set_limits(allow_measuring=0)
    with pytest.raises(LimitError, match="no measurements are started here"):
        queue.submit(["bench"], "ada")
    with pytest.raises(LimitError, match="GQA_ALLOW_MEASURING=1"):
        queue.query(["inspect-heads"], 1, "ada")


def test_a_closed_tab_ends_its_waiting_run_and_later_its_running_one(queue, set_limits):
    set_limits(closed_waiting_seconds=1, closed_running_seconds=3)
    present = {"ada", "bob"}
    queue.is_present = present.__contains__
    running, waiting = started(queue, "ada"), queue.get(queue.submit(["bench"], "ada"))
    other = queue.get(queue.submit(["bench"], "bob"))
    present.remove("ada")
    wait_for(lambda: waiting.state == "failed")
    assert running.state == "running"
    assert waiting.messages[-1].startswith("a waiting run is ended 1 s after its tab was closed")
    wait_for(lambda: running.state == "failed")
    wait_for(lambda: other.state == "running")


def test_a_reload_in_time_keeps_the_run(queue, set_limits):
    set_limits(closed_running_seconds=2)
    present = {"ada"}
    queue.is_present = present.__contains__
    run = started(queue, "ada")
    present.clear()
    wait_for(lambda: run.absent_since_s)
    time.sleep(1)
    present.add("ada")
    time.sleep(1.5)
    assert run.state == "running"


def test_a_run_ends_at_its_deadline(queue, set_limits):
    set_limits(run_seconds=1)
    run = started(queue, "ada")
    wait_for(lambda: run.state == "failed")
    assert "a run may take at most 1 s here: ended after" in run.messages[-1]
    wait_for(lambda: run.process.poll() is not None)


def test_a_run_that_takes_too_much_memory_is_ended(queue, monkeypatch):
    monkeypatch.setattr(queue_module, "cap_bytes", lambda: 100 * 10**6)
    small, large = started(queue, "ada"), queue.get(queue.submit(["take"], "bob"))
    time.sleep(0.5)
    assert small.state == "running"
    queue.cancel(small.id)
    wait_for(lambda: large.state == "failed")
    assert "GQA_RUN_BYTES" in large.messages[-1]
    sentence = r"it was ended when all its processes held \d+\.\d\d MB; .* hold 100.00 MB;"
    assert re.search(sentence, large.messages[-1])
    assert "iB" not in large.messages[-1]


def test_a_run_uses_as_many_threads_as_a_host_lets_it(queue, set_limits):
    set_limits(threads=3)
    assert started(queue, "ada").messages == ["threads 3."]


def test_the_cap_leaves_a_margin_of_what_is_free(monkeypatch, set_limits):
    monkeypatch.setattr(run_guard, "available_bytes", lambda: 10 * 10**9)
    set_limits(run_bytes="4GB", memory_margin_percent=20)
    assert run_guard.cap_bytes() == 6 * 10**9
    monkeypatch.setattr(run_guard, "available_bytes", lambda: 5 * 10**9)
    assert run_guard.cap_bytes() == 4 * 10**9


SERVER = """
import time
from dashboard.shell.job_queue import JobQueue
queue = JobQueue()
run = queue.get(queue.submit(["bench", "--n-heads", "8", "--n-kv-heads", "8", "--head-dim", "64",
    "--context-len", "4096", "--samples", "2000", "--no-log"], "ada"))
while run.is_active and not run.n_points:
    time.sleep(0.05)
print(run.process.pid if run.is_active else run.messages, flush=True)
time.sleep(60)
"""


@pytest.fixture
def short_folder():
    """A folder with a short name: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_children_end_by_themselves_when_the_server_is_killed(short_folder):
    environment = os.environ | {"TMPDIR": str(short_folder)}
    command = [sys.executable, "-c", SERVER]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    child = psutil.Process(int(server.stdout.readline()))
    family = [child, *child.children(recursive=True)]
    assert len(family) > 1
    server.send_signal(signal.SIGKILL)
    server.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert list(short_folder.glob("gqa-*")) == []
