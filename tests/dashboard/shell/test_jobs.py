"""The queue of measuring children: turns, progress, cancel, kills, and what is remembered."""

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from dashboard.shell import jobs
from dashboard.shell.jobs import JobQueue, QueueFullError
from tests.scale import repeated

CHILD = """
import json, os, subprocess, sys, tempfile, time
for word in sys.argv[1:]:
    if word == "record": print(json.dumps({"run_id": "r", "point": 0}), flush=True)
    elif word == "litter": print("not a record" + " " * 200_000, flush=True)
    elif word == "progress": print("1 of 3: timing MHA", file=sys.stderr, flush=True)
    elif word == "sleep": time.sleep(60)
    elif word == "kill": os.kill(os.getpid(), 9)
    elif word == "child": subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    elif word == "file": print(tempfile.mkstemp()[1], file=sys.stderr, flush=True)
    elif word.isdigit(): sys.exit(int(word))
    else: print(word, file=sys.stderr, flush=True)
"""


@pytest.fixture
def queue():
    made = JobQueue(command=[sys.executable, "-c", CHILD])
    yield made
    made._stop()


def wait_for(is_true, seconds=30):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(queue, *words):
    job = queue.get(queue.submit(words))
    wait_for(lambda: not job.is_active)
    return job


def test_records_and_progress_are_heard(queue):
    job = ended(queue, "progress", "record", "record")
    assert job.state == "done"
    assert job.records == [{"run_id": "r", "point": 0}] * 2
    assert (job.n_done, job.n_points, job.doing) == (1, 3, "timing MHA")


def test_a_failure_says_what_the_child_said(queue):
    job = ended(queue, "context_len must be kind", "2")
    assert (job.state, job.said) == ("failed", ["context_len must be kind."])
    assert ended(queue, "3").said == ["The measuring process ended with exit code 3."]


def test_a_killed_child_keeps_its_records_and_says_what_it_was_at(queue):
    job = ended(queue, "record", "progress", "kill")
    assert job.state == "failed"
    assert job.said == ["The measuring process was killed (SIGKILL) while timing MHA."]
    assert len(job.records) == 1


@repeated
def test_cancel_kills_the_whole_family_at_once(queue, repetition):
    job = queue.get(queue.submit(["child", "progress", "sleep"]))
    wait_for(lambda: job.n_points)
    family = [job.process.pid, *(p.pid for p in psutil.Process(job.process.pid).children())]
    assert len(family) == 2
    queue.cancel(job.id)
    assert job.state == "cancelled"
    wait_for(lambda: not any(map(_runs, family)))  # left alone, both would sleep for 60 s
    queue.cancel(job.id)  # a second press changes nothing
    assert job.state == "cancelled"


@repeated
@pytest.mark.parametrize("ending", ["cancel", "kill"])
def test_a_killed_run_leaves_no_temporary_files(queue, ending, repetition):
    job = queue.get(queue.submit(["file", "progress", "sleep" if ending == "cancel" else "kill"]))
    wait_for(lambda: job.n_points)
    left_over = Path(job.said[0].removesuffix("."))
    if ending == "cancel":
        assert left_over.exists()
        queue.cancel(job.id)
    wait_for(lambda: not left_over.parent.exists())


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_runs_take_turns_in_the_order_they_came(queue):
    first = queue.get(queue.submit(["progress", "sleep"]))
    wait_for(lambda: first.state == "running")
    second, third = (queue.get(queue.submit(["record"])) for _ in range(2))
    assert (second.state, third.state) == ("waiting", "waiting")
    assert (queue.n_ahead(second.id), queue.n_ahead(third.id)) == (1, 2)
    queue.cancel(second.id)
    assert queue.n_ahead(third.id) == 1
    queue.cancel(first.id)
    wait_for(lambda: third.state == "done")
    assert second.records == []


def test_a_full_queue_refuses_and_says_so(queue):
    queue.submit(["sleep"])
    wait_for(lambda: queue.n_ahead("none") == 0 and any(j.process for j in queue._jobs.values()))
    for _ in range(jobs.MAX_WAITING):
        queue.submit(["sleep"])
    with pytest.raises(QueueFullError, match="8 runs wait already"):
        queue.submit(["sleep"])


def test_old_jobs_are_forgotten_and_unknown_ones_are_none(queue, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_REMEMBERED", 2)
    first = ended(queue, "record")
    for _ in range(3):
        last = ended(queue, "record")
    assert queue.get(first.id) is None
    assert queue.get(last.id) is last
    assert queue.get(None) is None


def test_a_child_s_odd_words_harm_nothing(queue):
    job = ended(queue, "<b>bold</b>", "\u2603", json.dumps({"not": "a record"}))
    assert job.state == "done"
    assert job.said[0] == "<b>bold</b>."


def test_a_line_that_is_no_record_is_named_and_the_run_goes_on(queue):
    job = ended(queue, "litter", "record")
    assert job.state == "done"
    assert len(job.records) == 1
    assert job.said == ["The measuring process wrote a line that is no record: not a record."]


def test_a_child_that_cannot_start_fails_and_the_next_one_runs():
    queue = JobQueue(command=["/nowhere/python"])
    for _ in range(2):
        job = ended(queue)
        assert job.state == "failed"
        assert "could not be started" in job.said[0]
