"""bench --tp under torchrun: records of two ranks, and an end with one sentence when one dies."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gqa_core import units
from gqa_core.commands.cli import main
from gqa_core.commands.sharded import _limit_problem
from gqa_core.measure import device as measure_device
from gqa_core.measure.sharded import signals
from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.records.importing import read_record
from gqa_core.records.run_log import RunLog
from gqa_core.runner.events import Finished, PointFailed, Started, decode_event
from gqa_core.runner.ranks import RANKS_ENVIRONMENT, ranks_command
from gqa_core.server_watch import CHILD_BYTES
from tests.records import fake_sharded
from tests.scale import NIGHTLY, repeated

ROOT = Path(__file__).parents[2]
LAYERS = ["--n-heads", "4", "--n-kv-heads", "4,1", "--head-dim", "16", "--context-len", "7"]
SPLIT = ["--tp", "2", "--dcp", "2"]
MANY = ["--samples", "2", "--context-len", ",".join(map(str, range(7, 27)))]  # a second per point
MAX_S = 60
by_night = pytest.mark.skipif(not NIGHTLY, reason="starts processes for seconds: with GQA_NIGHTLY")


def start(tmp_path, *arguments):
    """The launcher of two ranks, which log into a file of their own."""
    command = ranks_command(2, ["bench", *LAYERS, *arguments, "--events"])
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ
        | RANKS_ENVIRONMENT
        | {"GQA_RUN_LOG": str(tmp_path / "runs.sqlite"), "GQA_LOCK_FOLDER": str(tmp_path / "lock")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_rank(process):
    with_command = process.cmdline()
    return "gqa_core" in with_command and "bench" in with_command and "RANK" in process.environ()


def ranks(launcher):
    """The processes of the ranks that have been started, in their order."""
    children = psutil.Process(launcher.pid).children(recursive=True)
    started = [child for child in children if is_rank(child)]
    return sorted(started, key=lambda child: int(child.environ()["RANK"]))


def test_two_ranks_measure_and_rank_0_writes(tmp_path):
    launcher = start(tmp_path, *SPLIT, "--samples", "2", *(["--mla"] if NIGHTLY else []))
    stdout, stderr = launcher.communicate(timeout=3 * MAX_S)
    assert launcher.returncode == 0, stderr
    records = [read_record(line.encode()) for line in stdout.splitlines()]
    variants = ["MHA", "MQA", *["MLA", "MLA"] * NIGHTLY]
    assert [record.variant for record in records] == variants
    for record in records:
        assert (record.world_size, record.backend, record.n_warmup) == (2, "gloo", 3)
        assert [rank.n_tokens for rank in record.ranks] == [4, 3]
        assert record.bytes_per_rank == tuple(map(record.spec.rank_bytes, range(2)))
        assert record.ranks[1].wire_bytes.total == record.wire_formula_bytes
        assert len(record.samples_s.step) >= 2
    events = [decode_event(line) for line in stderr.splitlines()]
    assert isinstance(events[0], Started)
    assert events[-1] == Finished(n_points=len(variants), n_failed=0, n_not_logged=0)
    assert RunLog(tmp_path / "runs.sqlite").records("sharded") == records


@repeated
def test_a_killed_rank_is_named_and_what_was_measured_is_kept(tmp_path, repetition):
    launcher = start(tmp_path, *SPLIT, *MANY)
    generator = random.Random(repetition)
    if repetition:
        wait_for_ranks(launcher)
        time.sleep(generator.uniform(0, 15))
    else:
        assert launcher.stdout.readline().startswith('{"kind":"sharded"')
    number = generator.randrange(2) if repetition else 1
    before = ranks(launcher)
    before[number].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _, stderr = launcher.communicate(timeout=MAX_S)
    assert time.monotonic() - killed < MAX_S / 2
    assert launcher.returncode == 1
    about = [line for line in stderr.splitlines() if f"rank {number} " in line]
    assert len(about) == 1, stderr
    if not repetition:
        assert isinstance(decode_event(about[0]), PointFailed)
        assert len(RunLog(tmp_path / "runs.sqlite").records("sharded")) == 1
    assert not any(process.is_running() for process in before)


def wait_for_ranks(launcher):
    deadline = time.monotonic() + MAX_S
    while len(ranks(launcher)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@by_night
def test_ranks_end_with_a_launcher_that_is_killed(tmp_path):
    launcher = start(tmp_path, *SPLIT, *MANY)
    assert launcher.stdout.readline().startswith('{"kind":"sharded"')
    before = ranks(launcher)
    assert len(before) == 2
    launcher.kill()
    _, alive = psutil.wait_procs(before, timeout=10)
    assert not alive
    launcher.communicate()


@by_night
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tp", "4"], "tp must be the number of ranks that torchrun starts: got 4 and 2"),
        (["--tp", "2", "--device", "cuda:9"], "device must be"),
        (["--tp", "2", "--log", "/proc/none/runs.sqlite"], "cannot be written"),
    ],
)
def test_a_run_that_cannot_be_is_refused_once(tmp_path, arguments, sentence):
    launcher = start(tmp_path, *arguments)
    stdout, stderr = launcher.communicate(timeout=MAX_S)
    assert (launcher.returncode, stdout) == (2, "")
    (line,) = stderr.splitlines()
    assert sentence in line


def test_ranks_of_a_visitor_are_refused_by_formula_before_they_join(monkeypatch, set_limits):
    monkeypatch.setenv(CHILD_BYTES, "1000000000")
    set_limits(hosted="yes")
    place = RankEnvironment(rank=0, world_size=2, local_rank=0, local_world_size=2, node=0)
    small, large = (fake_sharded.spec(context_len=n) for n in (512, 2**23))
    monkeypatch.setattr(measure_device, "free_bytes", lambda device: 10**12)
    assert _limit_problem([small], place, "cpu") is None
    reason = _limit_problem([small, large], place, "cpu")
    assert reason.startswith("a run may take at most 2 GB of memory here: ")
    assert units.decimal(2 * large.required_bytes) in reason
    monkeypatch.setattr(measure_device, "free_bytes", lambda device: 2 * small.required_bytes)
    assert "must leave 20% of the free memory" in _limit_problem([small], place, "cpu")


RANK_1_OF_2 = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "0",
}


@pytest.mark.alone  # it proves nothing where the sentence would take long
def test_another_rank_leaves_the_sentence_to_the_first_and_waits_to_be_ended():
    arguments = ["bench", *LAYERS, "--tp", "3"]
    rank = subprocess.Popen(
        [sys.executable, "-m", "gqa_core", *arguments],
        cwd=ROOT,
        env=os.environ | RANK_1_OF_2,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        rank.wait(timeout=3)  # its sentence would take one second
    rank.terminate()
    _, stderr = rank.communicate(timeout=MAX_S)
    assert stderr == ""


def test_a_rank_that_nobody_ends_says_by_itself_why_before_it_looks_at_heads(monkeypatch, capsys):
    monkeypatch.setattr(signals, "FIRST_RANK_S", 0.1)
    for name, value in RANK_1_OF_2.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(signals, "hold_signals", lambda: None)
    assert main(["bench", *LAYERS, "--tp", "3"]) == 2  # which does not divide 4 heads either
    assert capsys.readouterr().err == (
        "tp must be the number of ranks that torchrun starts: got 3 and 2\n"
    )


def test_without_torchrun_a_sentence_says_how_to_start_it():
    command = [sys.executable, "-m", "gqa_core", "bench", *LAYERS, "--tp", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "run torchrun --standalone --nproc-per-node 2 -m gqa_core bench" in done.stderr
