"""CPU time of other processes, by a fake clock and by this machine's."""

import subprocess
import sys
import time

from gqa_core.sample_runs.neighbours import CpuWatch, read_cpu_s


def test_other_cores_are_busy_seconds_that_are_not_our_own():
    readings = iter([(100.0, 10.0), (104.0, 11.0), (104.5, 11.5), (104.5, 11.5)])
    clock = iter([0.0, 2.0, 4.0, 4.0])
    watch = CpuWatch(read=lambda: next(readings), now=lambda: next(clock))
    assert watch.other_cores() == 1.5  # 4 s busy, 1 s of it ours, in 2 s
    assert watch.other_cores() == 0.0
    assert watch.other_cores() == 0.0  # no time has passed


def test_a_child_of_ours_counts_as_our_own_while_it_runs_and_after():
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    before = read_cpu_s()[1]
    child = subprocess.Popen([sys.executable, "-c", busy])
    child.wait()
    deadline = time.monotonic() + 10
    while read_cpu_s()[1] < before + 0.25:
        assert time.monotonic() < deadline
    assert read_cpu_s()[0] > read_cpu_s()[1]
