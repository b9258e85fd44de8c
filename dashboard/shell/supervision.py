"""Ends what a run has started: its family, ranks that outlive their launcher, and silent runs.

torchrun gives each rank a session of its own, so that no group of processes has them all. What a
run has started is known by its temporary folder, which the environment of each process names. No
streamlit in this file.
"""

from __future__ import annotations

from collections.abc import Iterator

import psutil

__all__ = ["SILENCE_S", "describe_silence", "family_bytes", "kill_marked", "kill_tree"]

SILENCE_S = 300.0  # ranks find out by themselves what hangs, unless none of them can


def kill_tree(pid: int) -> None:
    """Kill a process and everything it started, children of children included."""
    for member in _family(pid):
        _kill(member)


def kill_marked(temporary_folder: str) -> None:
    """Kill every process that was started with this temporary folder and still runs."""
    for process in psutil.process_iter():
        if _environment(process).get("TMPDIR") == temporary_folder:
            _kill(process)


def family_bytes(pid: int) -> int:
    """Bytes of memory that a process and everything it started have for themselves."""
    return sum(map(_private_bytes, _family(pid)))


def describe_silence(pid: int, n_ranks: int) -> str:
    """A sentence about the ranks of this launcher, which report nothing: those that are stopped."""
    stopped = {
        int(rank): process.pid
        for process in _family(pid)
        if (rank := _environment(process).get("RANK")) and _is_stopped(process)
    }
    names = [f"rank {rank} (process {stopped[rank]})" for rank in sorted(stopped)]
    reason = (
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} stopped"
        if names
        else f"all {n_ranks} ranks run, and none says why"
    )
    return f"No rank has reported for {SILENCE_S:.0f} s, so the run was ended: {reason}"


def _family(pid: int) -> Iterator[psutil.Process]:
    try:
        process = psutil.Process(pid)
        yield from [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return


def _private_bytes(process: psutil.Process) -> int:
    """Resident bytes that are neither a file's nor shared, where the system tells them apart."""
    try:
        info = process.memory_info()
    except psutil.Error:
        return 0
    return max(info.rss - getattr(info, "shared", 0), 0)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _environment(process: psutil.Process) -> dict[str, str]:
    """The environment of a process; empty if it is gone or belongs to somebody else."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False
