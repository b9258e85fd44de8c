"""kill -9 of a server, its child or the child's worker at random moments, and what is left of it.

`python -m tests.faults [KILLS]` prints the table: records that somebody was told of, those of them
that the log has, processes that go on, and temporary files.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from dashboard.shell.temporary import remove_folders_of_ended_servers
from gqa_core.records.run_log import RunLog

ROOT = Path(__file__).parents[2]
VICTIMS = ("server", "child", "worker")
MARK = "GQA_LOCK_FOLDER"  # every process of a series has its folder in the environment
PATIENCE_S = 60.0  # of a busy machine
STARTING_S = 0.5  # in which a process that the killed one has just started shows itself


@dataclass(slots=True)
class KillCounts:
    """Counts of the kills of one kind of process."""

    victim: str
    n_kills: int = 0
    n_acknowledged: int = 0
    n_logged: int = 0
    n_orphans: int = 0
    n_files: int = 0


def kill_series(n_kills: int, seed: int) -> Iterator[KillCounts]:
    """The counts per victim of so many kills in all, in a folder and on a log of their own."""
    generator = random.Random(seed)
    for number, victim in enumerate(VICTIMS):
        counts = KillCounts(victim)
        for _ in range(n_kills // len(VICTIMS) + (number < n_kills % len(VICTIMS))):
            with tempfile.TemporaryDirectory(prefix="gqa-kills-") as folder:
                _kill_once(Path(folder), victim, generator, counts)
        yield counts


def _kill_once(folder: Path, victim: str, generator: random.Random, counts: KillCounts) -> None:
    temporary, log = folder / "tmp", RunLog(folder / "runs.sqlite")
    temporary.mkdir()
    server = _start(folder, temporary)
    lines_read: list[str] = []
    reader = threading.Thread(target=lambda: lines_read.extend(iter(server.stdout.readline, "")))
    reader.start()
    _wait_for(lambda: lines_read or server.poll() is not None)
    time.sleep(generator.uniform(0, 1.5))
    process = _wait_for(lambda: _victim(victim, server.pid))
    process.kill()
    counts.n_kills += 1
    if victim != "server":
        if victim == "child":  # the queue notices, and goes on with the next run
            _wait_for(lambda: any(line.startswith("ended failed") for line in lines_read))
        time.sleep(generator.uniform(0, 0.2))
        server.terminate()  # which ends its runs as it goes
    server.wait()
    reader.join()
    _wait_for(lambda: _is_gone(folder), is_required=False)
    pairs = [line.split() for line in lines_read if line.endswith("\n") and "ended" not in line]
    logged = {(record.run_id, str(record.point)) for record in log.records()}
    counts.n_acknowledged += len(pairs)
    counts.n_logged += sum((run_id, point) in logged for run_id, point in pairs)
    counts.n_orphans += len(_family(folder))
    remove_folders_of_ended_servers(temporary)  # as the next server does when it starts
    counts.n_files += len(list(temporary.iterdir()))
    for orphan in _family(folder):
        orphan.kill()


def _start(folder: Path, temporary: Path) -> subprocess.Popen[str]:
    environment = os.environ | {
        "GQA_RUN_LOG": str(folder / "runs.sqlite"),
        "TMPDIR": str(temporary),
        MARK: str(folder),
    }
    command = [sys.executable, "-m", "tests.faults.server", folder.name[-8:]]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def _victim(victim: str, server_pid: int) -> psutil.Process | None:
    """The process to kill; None while there is none."""
    server = psutil.Process(server_pid)
    if victim == "server":
        return server
    try:
        children = server.children()
        if victim == "child" or not children:
            return next(iter(children), None)
        # The fork server's children are the workers.
        grandchildren = [each for child in children for each in child.children(recursive=True)]
        return grandchildren[-1] if grandchildren else None
    except psutil.NoSuchProcess:
        return None


def _family(folder: Path) -> list[psutil.Process]:
    """The processes of a series that still run."""
    family = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and _runs(process):
                family.append(process)
        except (psutil.Error, OSError):
            continue
    return family


def _is_gone(folder: Path) -> bool:
    """True if no process of a series runs: one that is just starting has no environment yet."""
    if _family(folder):
        return False
    time.sleep(STARTING_S)
    return not _family(folder)


def _runs(process: psutil.Process) -> bool:
    return process.status() != psutil.STATUS_ZOMBIE


def _wait_for(answer, patience_s: float = PATIENCE_S, *, is_required: bool = True):
    deadline = time.monotonic() + patience_s
    while not (result := answer()):
        if time.monotonic() > deadline:
            assert not is_required, "nothing happened"
            return None
        time.sleep(0.002)
    return result


def lines(all_counts: Iterator[KillCounts]) -> Iterator[str]:
    """The table as text, line by line."""
    yield f"{'killed':8}{'kills':>7}{'acknowledged':>14}{'kept':>8}{'orphans':>9}{'files left':>12}"
    for counts in all_counts:
        yield (
            f"{counts.victim:8}{counts.n_kills:>7}{counts.n_acknowledged:>14,}{counts.n_logged:>8,}"
            f"{counts.n_orphans:>9}{counts.n_files:>12}"
        )
