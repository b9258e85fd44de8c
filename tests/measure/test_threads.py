"""Threads: a worker keeps to the cores it is told, whichever kernel attends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = """
import json, sys
from gqa_core.measure.workers import Workers
if __name__ == "__main__":
    workers = Workers(preload="gqa_core.measure.decode")
    print(json.dumps(workers.call("tests.measure.work", *sys.argv[1:])))
"""
SLACK = 1.1  # ticks of the clock, and threads that only wake up to wait

on_linux = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="threads are told apart by /proc"
)
with_two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core can only use one")


def asked(n_threads, *function):
    """What a function of `work` answers in a worker of a process that was told `n_threads`."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, *function],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@on_linux
@with_two_cores
@pytest.mark.parametrize(
    ("n_threads", "kernel", "dtype"),
    [
        (1, "split_kv", "float32"),
        (1, "absorbed", "bfloat16"),
        (1, "packed", "float32"),
        (1, "matmul", "bfloat16"),
        (2, "split_kv", "float32"),
        (2, "packed", "float32"),
    ],
)
def test_a_worker_uses_the_cores_it_is_told_and_no_more(n_threads, kernel, dtype):
    found = asked(n_threads, "cores_used", kernel, dtype)
    assert found["attend_kernel"] == ("split_kv" if kernel == "absorbed" else kernel)
    assert found["n_threads"] == n_threads
    assert found["cores"] <= SLACK * n_threads
    if n_threads == 1:
        assert found["n_busy"] == 1
    else:
        assert found["n_busy"] >= n_threads


@with_two_cores
def test_one_thread_stays_one_when_a_kernel_of_our_own_has_started_its_threads():
    for caching in ("plain", "cached"):
        assert asked(2, "threads_after_split_kv", caching) == [1, 2]
