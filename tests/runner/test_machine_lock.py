"""Runs on one machine take turns, whoever starts them: tried with real processes and users."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.runner.machine_lock import (
    ENVIRONMENT,
    FILE,
    MachineLockError,
    lock_folder,
    machine_lock,
)

ROOT = Path(__file__).parents[2]
HOLDER = """
import os, sys, tempfile, time
from gqa_core.runner.machine_lock import ENVIRONMENT, machine_lock
if user := int(sys.argv[2]):
    folder = os.environ[ENVIRONMENT]
    with tempfile.TemporaryDirectory() as os.environ[ENVIRONMENT], machine_lock(print):
        pass  # loads every module: the other user may not read them
    os.environ[ENVIRONMENT] = folder
    os.setgid(user)
    os.setuid(user)
with machine_lock(lambda pid: print("waits for", pid, flush=True)):
    print("holds", flush=True)
    time.sleep(float(sys.argv[1]))
"""
TWO_USERS = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to act for other users"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that is not there yet, which the environment names."""
    path = tmp_path / "machine" / "gqa-lab"
    monkeypatch.setenv(ENVIRONMENT, str(path))
    return path


@pytest.fixture
def start():
    """Starts a process that takes the lock and holds it for some seconds."""
    started = []

    def go(seconds=60.0, user=0, env=None):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(seconds), str(user)],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield go
    for process in started:
        process.kill()
        process.communicate()


def line(process):
    return process.stdout.readline().strip()


def test_a_second_run_waits_names_the_first_and_begins_when_it_ends(folder, start):
    first = start(0.5)
    assert line(first) == "holds"
    waited_for = []
    with machine_lock(waited_for.append):
        assert waited_for == [first.pid]
    with machine_lock(waited_for.append):
        pass
    assert len(waited_for) == 1


def test_a_killed_holder_frees_the_lock(folder, start):
    first = start()
    assert line(first) == "holds"
    second = start()
    assert line(second) == f"waits for {first.pid}"
    first.kill()
    assert line(second) == "holds"


def test_a_child_of_a_killed_holder_does_not_keep_the_lock(folder):
    child = (
        "import subprocess, sys, time\n"
        "from gqa_core.runner.machine_lock import machine_lock\n"
        "with machine_lock(print):\n"
        "    sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "    child = subprocess.Popen(sleep, stdout=subprocess.DEVNULL)\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", child], cwd=ROOT, stdout=subprocess.PIPE)
    pid = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.communicate()
        with machine_lock(lambda pid: pytest.fail(f"waits for {pid}")):
            pass
    finally:
        os.kill(pid, 9)


def test_a_waiting_run_can_be_interrupted(folder, start):
    first, second = start(), start()
    lines = {line(first), line(second)}
    assert "holds" in lines
    assert len(lines) == 2
    waiting = start()
    assert line(waiting).startswith("waits for")
    waiting.send_signal(2)
    assert waiting.wait(timeout=5) != 0


def test_of_several_ranks_of_a_run_only_the_first_takes_the_lock(folder, start):
    environment = os.environ | {"LOCAL_RANK": "0"}
    first = start(env=environment)
    assert line(first) == "holds"
    assert line(start(env=environment | {"LOCAL_RANK": "1"})) == "holds"
    assert line(start(env=environment)) == f"waits for {first.pid}"


def test_the_folder_is_made_for_all_users_whatever_the_umask_is(folder, start):
    mask = os.umask(0o077)
    try:
        with machine_lock(pytest.fail):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o666
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_many_at_once_make_one_folder_and_one_holds(folder, start):
    processes = [start(0.1) for _ in range(6)]
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert out.endswith("holds\n"), error
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


@TWO_USERS
@pytest.mark.parametrize("owner", [65534, 0], ids=["nobody", "root"])
def test_users_take_turns_in_a_folder_that_another_has_made(owner, start, monkeypatch):
    with_sticky_bit = Path(f"/tmp/gqa-users-{os.getpid()}")  # as /tmp itself, unlike tmp_path
    with_sticky_bit.mkdir()
    try:
        with_sticky_bit.chmod(0o1777)
        folder = with_sticky_bit / "gqa-lab"
        monkeypatch.setenv(ENVIRONMENT, str(folder))
        first = start(user=owner)
        assert line(first) == "holds", first.communicate()[1]
        other = start(user=1234)
        assert line(other) == f"waits for {first.pid}", other.communicate()[1]
        root = start(0.1)
        assert line(root) == f"waits for {first.pid}"
        first.kill()
        other.kill()
        assert line(root) == "holds"
        with pytest.raises(subprocess.CalledProcessError):  # only the owner may replace the file
            subprocess.run(["rm", "-f", folder / FILE], user=1234, group=1234, check=True)
    finally:
        subprocess.run(["rm", "-rf", with_sticky_bit], check=True)


def test_a_planted_link_is_refused_and_nothing_is_written_through_it(folder, tmp_path):
    target = tmp_path / "precious"
    target.mkdir()
    folder.parent.mkdir()
    folder.symlink_to(target)
    with pytest.raises(MachineLockError, match="its folder is a link or a file"):
        machine_lock(pytest.fail).__enter__()
    assert list(target.iterdir()) == []
    folder.unlink()
    folder.mkdir()
    document = tmp_path / "document"
    document.write_text("precious")
    (folder / FILE).symlink_to(document)
    with pytest.raises(MachineLockError, match=f"cannot be locked: .*; {ENVIRONMENT} may name"):
        machine_lock(pytest.fail).__enter__()
    assert document.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "file" / "folder"))
    with pytest.raises(MachineLockError, match=r"file/folder/measuring\.lock, by which runs"):
        machine_lock(pytest.fail).__enter__()


def test_the_temporary_folder_of_a_run_decides_nothing(monkeypatch, tmp_path):
    monkeypatch.delenv(ENVIRONMENT)
    folder = lock_folder()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert lock_folder() == folder
    assert folder.name == "gqa-lab"
