"""A run: points checked together, measured one by one, each record out as soon as it is there.

Everything that can be refused is refused before the first point: numbers by their configs, the log
by trying it, memory by comparing what each point takes with what is free. A point that fails later
is named and the rest go on. What is measured is never lost: a record goes out first and into the
log second, and a log that fails in mid-run is named.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gqa_core import units
from gqa_core.measure.point import Point
from gqa_core.measure.record import Record, decode_record
from gqa_core.measure.run_log import RunLog, RunLogError
from gqa_core.measure.workers import WorkerError, Workers

NOT_KEPT = "were measured but are not in the log"
DECODE, DEVICE = "gqa_core.measure.decode", "gqa_core.measure.device"

Say = Callable[[str], None]


def run_bench(
    points: Sequence[Point],
    *,
    device: str,
    log: RunLog | None,
    emit: Callable[[Record], None],
    say: Say,
) -> int:
    """How many points were not measured or not kept; progress and sentences go to `say`.

    Each record goes to `emit` and then into the log, where there is one.

    Raises:
        ValueError: the log or the device cannot be used, or a point would not fit in memory.
        WorkerError: not even the device could be looked at.
    """
    if log is not None:
        log.require_writable()
    workers = Workers(preload=DECODE)
    require_room(points, workers.call(DEVICE, "survey", device)["free_bytes"])
    run_id = f"{_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    commit, failed, unkept = git_commit(), 0, []
    for index, point in enumerate(points):
        say(progress_line(index, len(points), f"timing {point}"))
        try:
            measured = workers.call(DECODE, "measure_decode", point, device)
        except (ValueError, WorkerError) as error:
            say(f"{point}: not measured, {error}")
            failed += 1
            continue
        record = decode_record(
            point,
            measured,
            run_id=run_id,
            index=index,
            created_at=_now().isoformat(),
            git_commit=commit,
        )
        emit(record)
        if log is not None:
            try:
                log.append(record)
            except RunLogError as error:
                unkept.append(str(error))
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
                f"memory must hold {point} with batch {point.workload.batch_size}: it takes "
                f"{units.capacity(point.required_bytes)} "
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


def _now() -> datetime:
    return datetime.now(UTC)
