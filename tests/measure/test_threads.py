"""Threads: a worker keeps to the cores it is told, whichever kernel attends."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = [pytest.mark.alone, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from gqa_core.runner.workers import Workers

if __name__ == "__main__":
    workers = Workers(preload="gqa_core.measure.decode")
    calls = json.loads(sys.argv[1])
    print(json.dumps([workers.call("tests.runner.worker_tasks", *function) for function in calls]))
"""
ONE_THREAD = [
    ("cores_used", "split_kv", "float32"),
    ("cores_used", "absorbed", "bfloat16"),
    ("cores_used", "packed", "float32"),
    ("cores_used", "matmul", "bfloat16"),
]
TWO_THREADS = [
    ("cores_used", "split_kv", "float32"),
    ("cores_used", "packed", "float32"),
    ("threads_after_split_kv", "plain"),
    ("threads_after_split_kv", "cached"),
]
SLACK = 1.1  # ticks of the clock, and threads that only wake up to wait

on_linux = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="threads are told apart by /proc"
)
with_two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core can only use one")


@cache
def answers(n_threads):
    """Results of the calls, each in a worker, from a process that may use `n_threads`."""
    calls = ONE_THREAD if n_threads == 1 else TWO_THREADS
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(calls)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(calls, json.loads(done.stdout), strict=True))


@on_linux
@with_two_cores
@pytest.mark.parametrize(
    ("n_threads", "call"),
    [(1, call) for call in ONE_THREAD] + [(2, call) for call in TWO_THREADS[:2]],
    ids=str,
)
def test_a_worker_uses_the_threads_it_may_use_and_no_more(n_threads, call):
    usage, kernel = answers(n_threads)[call], call[1]
    assert usage["attend_kernel"] == ("split_kv" if kernel == "absorbed" else kernel)
    assert usage["n_threads"] == n_threads
    assert usage["cores"] <= SLACK * n_threads
    if n_threads == 1:
        assert usage["n_busy"] == 1
    else:
        assert usage["n_busy"] >= n_threads


@with_two_cores
def test_one_thread_stays_one_when_a_kernel_of_our_own_has_started_its_threads():
    for caching in ("plain", "cached"):
        assert answers(2)["threads_after_split_kv", caching] == [1, 2]
