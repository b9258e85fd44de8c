"""A rank that is killed or stops ends the run: a sentence names it, and nothing stays behind.

Real ranks, started by the queue as a page does. The nightly run kills at ten random moments.
"""

import random
import signal
import time

import psutil
import pytest

from dashboard.shell.job_queue import JobQueue
from tests.scale import NIGHTLY

pytestmark = pytest.mark.slow

N_POINTS = 5
ARGUMENTS = (
    *("bench", "--n-heads", "4", "--n-kv-heads", "4,2,1", "--head-dim", "32", "--mla"),
    *("--context-len", "256", "--tp", "2", "--dcp", "2"),
)
LIMIT_S = 120.0  # until a run has ended, on a machine that has other work too
MOMENTS = range(10 if NIGHTLY else 2)  # every other one before anything is measured


@pytest.fixture
def queue():
    made = JobQueue()
    yield made
    made.stop()


def wait_for(is_true, seconds=LIMIT_S):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def started(queue, log):
    """A run whose ranks are there, though they may still import torch."""
    run = queue.get(queue.submit([*ARGUMENTS, "--log", str(log.path)]))
    wait_for(lambda: run.process is not None)
    wait_for(lambda: len(rank_processes(run)) == 2)
    return run


def measuring(queue, log):
    """A run whose ranks have begun to measure."""
    run = started(queue, log)
    wait_for(lambda: run.n_points or not run.is_active)
    assert run.is_active, run.messages
    return run


def rank_processes(run):
    """The process of each rank by its number: the children of the launcher."""
    children = psutil.Process(run.process.pid).children()
    return {int(child.environ()["RANK"]): child for child in children if "RANK" in child.environ()}


def process_family(run):
    """All processes of a run, and the ports at which they listen."""
    launcher = psutil.Process(run.process.pid)
    family = [launcher, *launcher.children(recursive=True)]
    ports = {
        connection.laddr.port
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    return family, ports


def listening_ports():
    return {
        connection.laddr.port
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def ended(run, rank, family, ports, log, n_records):
    """Assert that the run ends as it must; returns the seconds that it took."""
    start = time.monotonic()
    wait_for(lambda: not run.is_active)
    wait_for(lambda: not any(map(is_alive, family)), seconds=10)
    seconds = time.monotonic() - start
    assert run.state == "failed"
    named = [message for message in run.messages if f"rank {rank}" in message]
    assert len(named) == 1, run.messages
    assert not [message for message in run.messages if "Traceback" in message], run.messages
    assert not ports & listening_ports()
    assert len(run.records) >= n_records
    assert log.records() == run.records
    return seconds


def is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_rank_ends_the_run_with_a_sentence_and_no_orphan(queue, log, moment):
    rank, delay_s, n_awaited = random.randrange(2), random.random(), random.randrange(N_POINTS)
    if moment % 2:
        run = measuring(queue, log)
        wait_for(lambda: len(run.records) >= n_awaited or not run.is_active)
    else:
        run, delay_s = started(queue, log), 4 * delay_s
    time.sleep(delay_s)
    assert run.is_active, run.messages
    n_records = len(run.records)
    family, ports = process_family(run)
    rank_processes(run)[rank].kill()
    seconds = ended(run, rank, family, ports, log, n_records)
    began = "the first record" if moment % 2 else "the start"
    print(
        f"rank {rank} killed {delay_s:.2f} s after {began}, with {n_records} records: ended in "
        f"{seconds:.1f} s, {len(run.records)} records kept: {run.messages[-1]}"
    )


@pytest.mark.skipif(not NIGHTLY, reason="waits until a rank is given up")
def test_a_stopped_rank_is_named_within_a_time_limit(queue, log):
    run = measuring(queue, log)
    family, ports = process_family(run)
    rank_processes(run)[1].send_signal(signal.SIGSTOP)
    seconds = ended(run, 1, family, ports, log, 0)
    print(f"rank 1 stopped: ended in {seconds:.1f} s: {run.messages}")


@pytest.mark.skipif(not NIGHTLY, reason="the queue's own tests cancel ranks too")
def test_a_run_that_is_cancelled_leaves_nothing(queue, log):
    run = measuring(queue, log)
    wait_for(lambda: run.records or not run.is_active)
    family, ports = process_family(run)
    assert len(family) >= 3
    queue.cancel(run.id)
    wait_for(lambda: not any(map(is_alive, family)), seconds=10)
    assert run.state == "cancelled"
    assert not ports & listening_ports()
    assert log.records()[: len(run.records)] == run.records
