"""A run: points checked together, measured one by one, each record out as soon as it is there.

Everything that can be refused is refused before the first point: numbers by their configs, the log
by trying it, memory by comparing what each point takes with what is free. A point that fails later
is named and the rest go on. What is measured is never lost: a record goes into the log and out to
the reader, and neither depends on the other.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gqa_core import units
from gqa_core.measure.record import Kind, Point, Record
from gqa_core.measure.run_log import RunLog, RunLogError
from gqa_core.measure.workers import WorkerError, Workers

NOT_KEPT = "were measured but are not in the log"

Say = Callable[[str], None]


def run_points(
    tasks: Sequence[tuple[Kind, Point]],
    *,
    device: str,
    log: RunLog | None,
    emit: Callable[[Record], None],
    say: Say,
) -> int:
    """How many points were not measured or not kept; progress and sentences go to `say`.

    A task is a point and the kind it is measured as. Each record goes into the log, where there is
    one, and then to `emit`.

    Raises:
        ValueError: the log or the device cannot be used, or a point would not fit in memory.
        WorkerError: not even the device could be looked at.
    """
    if log is not None:
        log.require_writable()
    workers = Workers(preload=tasks[0][0].module)
    points = [point for _, point in tasks]
    require_room(points, workers.call("gqa_core.measure.device", "survey", device)["free_bytes"])
    header = {
        "run_id": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        "git_commit": git_commit(),
    }
    failed, unkept = 0, []
    for index, (kind, point) in enumerate(tasks):
        say(progress_line(index, len(points), f"{kind.verb} {point}"))
        try:
            measured = workers.call(kind.module, kind.function, point, device)
        except (ValueError, WorkerError) as error:
            say(f"{point}: not measured, {error}")
            failed += 1
            continue
        record = kind.record(point, measured, header | {"point": index})
        try:
            if log is not None:
                log.append(record)
        except RunLogError as error:
            unkept.append(error)
        emit(record)
    if unkept:
        say(f"{len(unkept)} of {len(points)} records {NOT_KEPT}: {unkept[0]}")
    say(progress_line(len(points), len(points), "done"))
    return failed + len(unkept)


def require_room(points: Sequence[Point], free: int) -> None:
    """Nothing, if each point by itself fits into `free` bytes.

    Raises:
        ValueError: one does not; names it, what it takes and what is free.
    """
    for point in points:
        if point.required_bytes > free:
            raise ValueError(
                f"memory must hold {point}: it takes {units.capacity(point.required_bytes)} "
                f"(cache {units.capacity(point.formula_bytes)}) and {units.capacity(free)} are free"
            )


def progress_line(n_done: int, n_points: int, text: str) -> str:
    """How far a run is and what it does now: "3 of 15: timing ...", read by the dashboard."""
    return f"{n_done} of {n_points}: {text}"


def git_commit() -> str | None:
    """The commit of the checkout this code runs from, or None where it is not one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
