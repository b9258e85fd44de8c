"""Ranks before they measure: what they agree on, and the sentence that names the one at fault."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import msgspec
import pytest
import torch.distributed as dist

from gqa_core.measure.sharded import agreement, watch
from gqa_core.measure.sharded.agreement import DisagreementError, Intent, agree
from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.measure.sharded.watch import RankWatch
from tests.records import fake_sharded as sharded

POINTS = [sharded.spec()]
RANK_0 = RankEnvironment(rank=0, world_size=2, local_rank=0, local_world_size=2, node=0)
RANK_1 = replace(RANK_0, rank=1, local_rank=1)
VARIABLES = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "0",
}


@pytest.fixture
def store():
    return dist.HashStore()


def intent(environment, **changed):
    made = Intent.own("gloo", POINTS, environment)
    return msgspec.structs.replace(made, **changed)


def put(store, rank, other):
    store.set(f"intent/{rank}", msgspec.json.encode(other).decode())


def test_ranks_that_do_the_same_agree(store):
    put(store, 1, intent(RANK_1))
    assert agree(store, RANK_0, intent(RANK_0)) == (intent(RANK_0), intent(RANK_1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"code": "0123456789ab"},
            "code must be the same on all ranks: got 0123456789ab on rank 1",
        ),
        ({"torch": "2.12.0"}, "torch must be the same on all ranks: got 2.12.0 on rank 1"),
        ({"backend": "nccl"}, "backend must be the same on all ranks: got nccl on rank 1"),
        ({"points": ("another",)}, "options must be the same on all ranks: got others on rank 1"),
    ],
)
def test_a_rank_that_does_something_else_is_named(store, change, sentence):
    put(store, 1, intent(RANK_1, **change))
    with pytest.raises(DisagreementError, match=sentence):
        agree(store, RANK_0, intent(RANK_0))


def test_a_rank_that_cannot_run_says_why_to_all(store):
    put(store, 1, intent(RANK_1, problem="memory must hold it"))
    with pytest.raises(ValueError, match=r"^rank 1: memory must hold it$"):
        agree(store, RANK_0, intent(RANK_0))


def test_a_rank_that_does_not_join_is_named(store):
    with pytest.raises(DisagreementError, match=r"rank 1 did not join within 0\.2 s"):
        agree(store, RANK_0, intent(RANK_0), join_s=0.2)


def test_other_code_has_another_version(tmp_path, monkeypatch):
    package = tmp_path / "gqa_core"
    (package / "measure" / "sharded").mkdir(parents=True)
    (package / "units.py").write_text("GB = 10**9\n")
    monkeypatch.setattr(
        agreement, "__file__", str(package / "measure" / "sharded" / "agreement.py")
    )
    before = agreement.code_version()
    (package / "units.py").write_text("GB = 2**30\n")
    assert agreement.code_version() != before


def test_the_environment_is_torchrun_s_and_tp_its_number_of_ranks():
    assert RankEnvironment.from_variables(2, VARIABLES) == RANK_1
    with pytest.raises(ValueError, match=r"tp must be the number of ranks .* got 4 and 2"):
        RankEnvironment.from_variables(4, VARIABLES)
    with pytest.raises(ValueError, match="got 2 and no torchrun; run torchrun --standalone"):
        RankEnvironment.from_variables(2, {})


class Ended(BaseException):
    """The end of a process, with its exit code."""


@pytest.fixture
def sentences(monkeypatch):
    """The sentences that a watch reports; it ends by raising Ended, and waits less."""

    def end(code):
        raise Ended(code)

    monkeypatch.setattr(watch.os, "_exit", end)
    monkeypatch.setattr(watch, "SILENT_S", 0.3)
    monkeypatch.setattr(watch, "HANG_S", 0.5)
    monkeypatch.setattr(watch, "BEAT_S", 0.05)
    return []


def rank_0(store, sentences, pid, node=0):
    """The watch of rank 0 beside a rank 1 of this process id."""
    intents = intent(RANK_0), intent(RANK_1, pid=pid, node=node)
    return RankWatch(store, RANK_0, intents, sentences.append)


def test_a_rank_whose_process_is_gone_is_named_once(store, sentences):
    process = subprocess.Popen([sys.executable, "-c", ""])
    time.sleep(0.5)  # not waited for: torchrun does that, so that it is left as a zombie
    error = RuntimeError("[gloo/transport/tcp/pair.cc:1] Connection closed by peer")
    with pytest.raises(Ended, match=str(watch.EXIT_REPORTED)):
        rank_0(store, sentences, process.pid).end(error)
    with pytest.raises(Ended, match=str(watch.EXIT_FAILED)):
        rank_0(store, sentences, process.pid).end(error)
    assert sentences == [f"rank 1 (process {process.pid}) ended without a result"]
    process.wait()


def test_a_rank_of_another_machine_that_is_silent_is_named(store, sentences):
    with pytest.raises(Ended):
        rank_0(store, sentences, 1, node=1).end(RuntimeError("gloo: Connection closed"))
    assert sentences == ["rank 1 (process 1 on node 1) does not answer"]


def test_a_rank_that_failed_says_why(store, sentences):
    store.set("failed/1", "no memory")
    with pytest.raises(Ended):
        rank_0(store, sentences, os.getpid()).end(RuntimeError("NCCL communicator was aborted"))
    assert sentences == [f"rank 1 (process {os.getpid()}) failed: no memory"]


def test_an_error_of_this_rank_is_its_own(store, sentences):
    with pytest.raises(Ended):
        rank_0(store, sentences, os.getpid()).end(IndexError("list index out of range"))
    assert sentences == [f"rank 0 (process {os.getpid()}) failed: list index out of range"]


def test_a_rank_that_hangs_is_killed_and_named(store, sentences):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    os.kill(process.pid, signal.SIGSTOP)
    watched = rank_0(store, sentences, process.pid)
    with pytest.raises(Ended):
        watched._run()
    assert sentences == [f"rank 1 (process {process.pid}) has not answered for 0.5 s"]
    assert process.wait() == -signal.SIGKILL


def test_a_rank_that_is_behind_is_named(store, sentences):
    ahead = rank_0(store, sentences, os.getpid())
    ahead.note_exchange()
    behind = RankWatch(store, RANK_1, (intent(RANK_0), intent(RANK_1)), sentences.append)
    behind._check()
    with pytest.raises(Ended):
        _beat_meanwhile(behind, ahead)
    assert sentences == [f"rank 1 (process {os.getpid()}) did not come to the next exchange"]


def _beat_meanwhile(other, watched):
    """End the watched rank after a timeout, while the other one beats."""
    beat = watched._beat

    def both():
        other._beat()
        beat()

    watched._beat = both
    watched.end(RuntimeError("gloo: Timed out waiting for 60000ms"))
