"""The queue of child processes: turns, progress, queries, cancel, kills, and what it remembers."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import msgspec
import psutil
import pytest
import streamlit as st

from dashboard.shell import job_queue as queue_module
from dashboard.shell import loaders
from dashboard.shell.job_queue import (
    JobQueue,
    MachineBusyError,
    QueryError,
    QueryTimeoutError,
)
from dashboard.shell.jobs import RunJob
from dashboard.shell.process import MODULE_NAME, process_wide
from gqa_core.limits.refusal import LimitError
from gqa_core.limits.settings import limits
from gqa_core.records.header import DeviceInfo
from gqa_core.records.kinds import encode_record
from gqa_core.runner.events import (
    Finished,
    Note,
    NotLogged,
    PointFailed,
    Progress,
    Started,
    Waiting,
    encode_event,
)
from tests.records import fake_records as samples

DEVICE = DeviceInfo(type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=2**33)
RECORD = samples.record()
LINES = {
    "record": ("stdout", encode_record(RECORD)),
    "answer": ("stdout", msgspec.json.encode(DEVICE).decode()),
    "waiting": ("stderr", encode_event(Waiting(holder_pid=4711))),
    "started": ("stderr", encode_event(Started(n_points=3, device_info=DEVICE))),
    "progress": (
        "stderr",
        encode_event(Progress(n_done=1, n_points=3, activity="timing MHA")),
    ),
    "point_failed": ("stderr", encode_event(PointFailed(spec="MHA", reason="it died"))),
    "not_logged": (
        "stderr",
        encode_event(NotLogged(n_records=1, n_points=3, reason="log x cannot be written")),
    ),
    "note": ("stderr", encode_event(Note(text="GQA-2 beats MHA"))),
    "finished": ("stderr", encode_event(Finished(n_points=2, n_failed=0, n_not_logged=0))),
}
CHILD = f"""
import os, subprocess, sys, tempfile, time
LINES = {LINES!r}
for word in sys.argv[1:]:
    if word in LINES:
        print(LINES[word][1], file=getattr(sys, LINES[word][0]), flush=True)
    elif word == "litter": print("not a record" + " " * 200_000, flush=True)
    elif word == "--events": pass
    elif word == "sleep": time.sleep(60)
    elif word == "nap": time.sleep(0.5)
    elif word == "kill": os.kill(os.getpid(), 9)
    elif word == "child": subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    elif word == "file": print(tempfile.mkstemp()[1], file=sys.stderr, flush=True)
    elif word.isdigit(): sys.exit(int(word))
    else: print(word, file=sys.stderr, flush=True)
"""

ROOT = Path(__file__).parents[3]


@pytest.fixture
def queue():
    made = JobQueue(command=[sys.executable, "-c", CHILD])
    yield made
    made.stop()


def wait_for(is_true, seconds=30):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(queue, *words):
    run = queue.get(queue.submit(words))
    wait_for(lambda: not run.is_active)
    return run


def running(queue, *words):
    run = queue.get(queue.submit(words))
    wait_for(lambda: run.process is not None)
    return run


def test_a_run_collects_records_and_progress(queue):
    run = ended(queue, "started", "progress", "record", "record")
    assert run.state == "done"
    assert run.records == [RECORD] * 2
    assert (run.n_done, run.n_points, run.activity) == (1, 3, "timing MHA")
    assert run.messages == []
    assert run.is_logged


def test_a_run_that_waits_for_another_program_says_so_and_is_cancelled_meanwhile(queue):
    run = running(queue, "waiting", "sleep")
    wait_for(lambda: run.waits_for)
    assert run.waits_for.holder == "process 4711"
    assert Waiting(holder_pid=None).holder == "another run"
    assert str(run.waits_for) == (
        "waiting: process 4711 is measuring on this machine, this run starts when it ends"
    )
    queue.cancel(run.id)
    wait_for(lambda: run.process.poll() is not None)
    assert run.state == "cancelled"
    assert ended(queue, "waiting", "started").waits_for is None


def test_the_last_event_of_a_search_says_how_many_points_there_were(queue):
    run = ended(queue, "progress", "finished")
    assert (run.n_done, run.n_points) == (2, 2)


def test_a_run_knows_which_records_its_log_lacks(queue):
    run = ended(queue, "progress", "not_logged", "1")
    assert not run.is_logged
    assert run.messages == [
        "1 of 3 records were measured but are not in the log: log x cannot be written."
    ]
    assert not ended(queue, "--no-log").is_logged
    assert not ended(queue, "--no-log").has_log
    assert ended(queue, "were measured but are not in the log").is_logged  # words decide nothing


def test_failed_points_and_notes_are_messages(queue):
    run = ended(queue, "progress", "point_failed", "note", "1")
    assert run.state == "failed"
    assert run.messages == ["MHA: not measured, it died.", "GQA-2 beats MHA."]


def test_a_failure_shows_what_the_child_wrote(queue):
    run = ended(queue, "context_len must be kind", "2")
    assert (run.state, run.messages) == ("failed", ["context_len must be kind."])
    assert ended(queue, "3").messages == ["The measuring process ended with exit code 3."]


def test_a_killed_child_keeps_its_records_and_says_what_it_was_doing(queue):
    run = ended(queue, "record", "progress", "kill")
    assert run.state == "failed"
    assert run.messages == ["The measuring process was killed (SIGKILL) while timing MHA."]
    assert len(run.records) == 1


def test_cancel_kills_the_whole_family_at_once(queue):
    run = queue.get(queue.submit(["child", "progress", "sleep"]))
    wait_for(lambda: run.n_points)
    family = [run.process.pid, *(p.pid for p in psutil.Process(run.process.pid).children())]
    assert len(family) == 2
    queue.cancel(run.id)
    assert run.state == "cancelled"
    wait_for(lambda: not any(map(_runs, family)))  # left alone, both would sleep for 60 s
    queue.cancel(run.id)  # a second press changes nothing
    assert run.state == "cancelled"


@pytest.mark.parametrize("ending", ["cancel", "kill"])
def test_a_killed_run_leaves_no_temporary_files(queue, ending):
    run = queue.get(queue.submit(["file", "progress", "sleep" if ending == "cancel" else "kill"]))
    wait_for(lambda: run.n_points)
    left_over = Path(run.messages[0].removesuffix("."))
    if ending == "cancel":
        assert left_over.exists()
        queue.cancel(run.id)
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
    running(queue, "sleep")
    for _ in range(limits().queue_runs):
        queue.submit(["sleep"])
    with pytest.raises(
        LimitError, match="the queue of runs is limited to 8 here: 8 runs wait already"
    ):
        queue.submit(["sleep"])


def test_old_runs_are_forgotten_and_unknown_ones_are_none(queue, monkeypatch):
    monkeypatch.setattr(queue_module, "MAX_REMEMBERED", 2)
    first = ended(queue, "record")
    for _ in range(3):
        last = ended(queue, "record")
    assert queue.get(first.id) is None
    assert queue.get(last.id) is last
    assert queue.get(None) is None


def test_a_child_s_odd_words_harm_nothing(queue):
    run = ended(queue, "<b>bold</b>", "\u2603", json.dumps({"not": "a record"}))
    assert run.state == "done"
    assert run.messages[0] == "<b>bold</b>."


def test_a_line_that_is_no_record_is_named_and_the_run_goes_on(queue):
    run = ended(queue, "litter", "record")
    assert run.state == "done"
    assert len(run.records) == 1
    assert run.messages == ["The measuring process wrote a line that is no record: not a record."]


def test_a_child_that_cannot_start_fails_and_the_next_one_runs():
    queue = JobQueue(command=["/nowhere/python"])
    for _ in range(2):
        run = ended(queue)
        assert run.state == "failed"
        assert "could not be started" in run.messages[0]
    with pytest.raises(QueryError, match="could not be started"):
        queue.query(["answer"], 30)


def test_a_query_returns_what_its_child_prints_or_the_last_words_of_a_failure(queue):
    assert msgspec.json.decode(queue.query(["answer"], 30), type=DeviceInfo) == DEVICE
    with pytest.raises(QueryError, match=r"^no such device$"):
        queue.query(["a warning", "no such device", "1"], 30)


def test_a_query_that_takes_too_long_is_killed(queue):
    start = time.monotonic()
    with pytest.raises(QueryTimeoutError, match=r"no answer within 0.5 s"):
        queue.query(["child", "sleep"], 0.5)
    assert time.monotonic() - start < 10  # left alone, it would sleep for 60 s
    assert queue.query(["note"], 30) == ""  # and the queue goes on


def test_two_queries_never_run_side_by_side(queue):
    spans = []

    def query():
        start = time.monotonic()
        queue.query(["nap"], 30)
        spans.append(time.monotonic() - start)

    threads = [threading.Thread(target=query) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(spans) > 1.4  # three naps of 0.5 s, one after the other
    assert min(spans) < 1.4


def test_a_query_is_refused_at_once_while_a_run_is_measured(queue):
    run = running(queue, "sleep")
    start = time.monotonic()
    with pytest.raises(MachineBusyError):
        queue.query(["answer"], 30)
    assert time.monotonic() - start < 5
    assert not run.messages  # it is not disturbed
    queue.cancel(run.id)
    wait_for(lambda: not queue.is_measuring)
    assert queue.query(["answer"], 30)


def test_a_query_goes_before_runs_that_wait_for_another_query(queue):
    first = threading.Thread(target=queue.query, args=(["nap"], 30))
    first.start()
    wait_for(lambda: any(job.process for job in queue._queries))
    run = queue.get(queue.submit(["sleep"]))
    assert queue.query(["answer"], 30)
    first.join()
    wait_for(lambda: run.state == "running")


def test_too_many_queries_are_refused(queue, set_limits):
    set_limits(queue_runs=1)
    threads = [threading.Thread(target=queue.query, args=(["nap"], 30)) for _ in range(2)]
    for index, thread in enumerate(threads):
        thread.start()
        wait_for(lambda index=index: len(queue._queries) > index)
    with pytest.raises(LimitError, match="the queue of runs is limited to 1 here"):
        queue.query(["answer"], 30)
    for thread in threads:
        thread.join()


def test_the_device_is_asked_for_once_and_survives_cleared_caches(queue, monkeypatch):
    monkeypatch.setattr(loaders, "job_queue", lambda: queue)
    queries = []
    monkeypatch.setattr(queue, "query", lambda *arguments: queries.append(arguments) or ANSWER)
    assert loaders.device() == DEVICE
    st.cache_data.clear()
    st.cache_resource.clear()
    assert loaders.device() == DEVICE
    assert queries == [(("device", "--json"), loaders.DEVICE_TIME_LIMIT_S)]


ANSWER = LINES["answer"][1]


def test_a_run_that_has_started_tells_the_device_without_a_query(queue, monkeypatch):
    monkeypatch.setattr(loaders, "job_queue", lambda: queue)
    run = running(queue, "sleep")
    with pytest.raises(MachineBusyError):
        loaders.device()
    queue.cancel(run.id)
    run = running(queue, "started", "sleep")
    wait_for(lambda: run.device_info)
    assert loaders.device() == DEVICE
    assert queue.known_device("cuda:1") is None, "the run was on another device"


@pytest.fixture
def fresh_process(monkeypatch):
    """The process before its first queue; the one made here is stopped."""
    monkeypatch.setitem(sys.modules, MODULE_NAME, ModuleType(MODULE_NAME))
    monkeypatch.setattr(queue_module, "COMMAND", (sys.executable, "-c", CHILD))
    monkeypatch.setattr(JobQueue.__init__, "__defaults__", (queue_module.COMMAND,))
    yield
    queue_module.job_queue().stop()


@pytest.mark.usefixtures("fresh_process")
def test_runs_wait_for_each_other_though_a_visitor_clears_all_caches():
    first = running(queue_module.job_queue(), "progress", "sleep")
    st.cache_data.clear()
    st.cache_resource.clear()
    second = queue_module.job_queue().submit(["record"])
    time.sleep(0.5)  # a second queue would have started it by now
    queue = queue_module.job_queue()
    assert (queue.get(first.id), queue.get(second).state) == (first, "waiting")
    queue.cancel(first.id)
    wait_for(lambda: queue.get(second).state == "done")


SOURCE_CHANGE = """
import importlib, sys, time
from dashboard.shell import job_queue
command = [sys.executable, "-c", "import time; time.sleep(60)"]
job_queue.JobQueue.__init__.__defaults__ = (command,)
queue = job_queue.job_queue()
first = queue.get(queue.submit(["first"]))
while first.process is None:
    time.sleep(0.01)
for name in [name for name in sys.modules if name.startswith("dashboard")]:
    del sys.modules[name]  # as Streamlit does with the modules whose files it watches
again = importlib.import_module("dashboard.shell.job_queue")
assert again.JobQueue is not job_queue.JobQueue
assert again.job_queue() is queue
second = again.job_queue().submit(["second"])
time.sleep(0.5)
print(again.job_queue().get(first.id).state, again.job_queue().get(second).state)
"""


def test_runs_wait_for_each_other_though_a_source_file_changes():
    done = subprocess.run(
        [sys.executable, "-c", SOURCE_CHANGE], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "running waiting\n", done.stderr


@pytest.mark.usefixtures("fresh_process")
def test_an_object_of_the_process_is_made_once_by_whoever_comes_first():
    made = []

    def make():
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    objects = []
    threads = [
        threading.Thread(target=lambda: objects.append(process_wide("tested", make)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert set(map(id, objects)) == {id(made[0])}


def test_the_seconds_left_follow_the_points_done_else_the_estimate():
    run = RunJob(arguments=("bench",))
    assert run.seconds(now_s=5.0) == 0.0  # it waits
    run.started_s = 100.0
    assert run.seconds_left(now_s=110.0, estimate_s=40.0) == 30.0
    assert run.seconds_left(now_s=150.0, estimate_s=40.0) == 0.0
    run.n_done, run.n_points, run.last_point_s = 5, 15, 110.0
    assert run.seconds_left(now_s=110.0, estimate_s=40.0) == 20.0
    assert run.seconds_left(now_s=112.0, estimate_s=40.0) == 18.0  # it falls until the next point
    assert run.seconds_left(now_s=140.0, estimate_s=40.0) == 0.0
