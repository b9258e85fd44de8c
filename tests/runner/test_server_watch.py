"""A run's processes end with their server, even where no Python code of theirs gets to run."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from gqa_core.server_watch import CHILD_BYTES, GRACE_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is of Linux")

# Never gives Python's lock back, as a long call of a library.
HOLD = "import itertools; sum(itertools.repeat(0))"
LAUNCHER = f"""
from gqa_core.server_watch import watch_server
watch_server()
import os, subprocess, sys, time
code = '''
from gqa_core.server_watch import watch_server
watch_server()
import os
print(os.getpid(), flush=True)
{HOLD}
'''
subprocess.Popen([sys.executable, "-c", code], env=os.environ | {{"LOCAL_RANK": "0"}})
print(os.getpid(), flush=True)
{HOLD}
"""
RUN = """
from gqa_core.server_watch import watch_server
watch_server()
import os
from gqa_core.runner.workers import Workers
print(os.getpid(), flush=True)
Workers(preload="tests.runner.worker_tasks").call(
    "tests.runner.worker_tasks", "print_pid_and_hold_lock", 1
)
"""
SERVER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
time.sleep(600)
"""


@pytest.fixture
def kill_server():
    """Starts a server and a run of this code; kills the server once so many have told their ids.

    Returns the processes and the run's temporary folder.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(tempfile.mkdtemp(prefix="gqa-", dir=parent))
        environment = os.environ | {CHILD_BYTES: str(10**10), "TMPDIR": str(folder)}
        processes = []

        def start_and_kill(code, n_processes):
            server = subprocess.Popen(
                [sys.executable, "-c", SERVER, code], env=environment, stdout=subprocess.PIPE
            )
            processes.extend(
                psutil.Process(int(server.stdout.readline())) for _ in range(n_processes)
            )
            family = psutil.Process(server.pid).children(recursive=True)
            processes.extend(each for each in family if each not in processes)
            time.sleep(0.2)  # they hold the lock by now
            server.kill()
            server.wait()
            return processes, folder

        yield start_and_kill
        for process in processes:
            if process.is_running():
                process.kill()


def test_processes_that_hold_the_lock_end_within_the_grace(kill_server):
    processes, _ = kill_server(LAUNCHER, 2)
    start = time.monotonic()
    _, alive = psutil.wait_procs(processes, timeout=GRACE_S + 20)
    assert alive == []
    assert time.monotonic() - start > GRACE_S / 2  # the launcher's thread had its time


def test_a_worker_that_holds_the_lock_ends_with_its_run_which_removes_the_folder(kill_server):
    processes, folder = kill_server(RUN, 2)
    assert len(processes) >= 4  # the run, its fork server, its worker, and a tracker
    _, alive = psutil.wait_procs(processes, timeout=GRACE_S - 2)
    assert alive == []
    assert not folder.exists()


def test_a_run_whose_server_has_gone_before_it_began_ends_as_soon_as_it_begins():
    environment = os.environ | {CHILD_BYTES: str(10**10), "TMPDIR": ""}
    command = [sys.executable, "-m", "gqa_core", "bench", "--no-log"]
    ended = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (1, b"")


def test_a_text_is_not_read_on_when_the_server_is_gone():
    code = "from gqa_core.runner.outside import call_outside; call_outside('time', 'sleep', 60)"
    server = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (children := psutil.Process(server.pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2)  # it sleeps by now
    server.kill()
    server.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
