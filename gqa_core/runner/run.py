"""A run: points checked together, measured one by one, each record out as soon as it is there.

Everything that can be refused is refused before the first point: numbers by their configs, the log
by trying it, memory by comparing what each point takes with what is free. Kernels are compiled
before the first point too, which takes seconds once on a machine and is said then. A point that
fails later is named and the rest go on. What is measured is never lost: a record goes into the log
and out to the reader, and neither depends on the other. A search asks for more once it has seen
what came out.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gqa_core import units
from gqa_core.records.record import Kind, Point, Record
from gqa_core.records.run_log import RunLog, RunLogError
from gqa_core.runner.workers import WorkerError, Workers

NOT_KEPT = "were measured but are not in the log"

Say = Callable[[str], None]
Task = tuple[Kind, Point]
Follow = Callable[[Sequence[Record]], Sequence[Task]]


def run_specs(
    tasks: Sequence[Task],
    *,
    device: str,
    log: RunLog | None,
    emit: Callable[[Record], None],
    say: Say,
    follow: Follow = lambda records: (),
    n_more: int = 0,
) -> int:
    """How many points were not measured or not kept; progress and sentences go to `say`.

    A task is a point and the kind it is measured as. Each record goes into the log, where there is
    one, and then to `emit`. When all tasks are done, `follow` tells which come next, given all
    records so far, until there are none: at most `n_more` in all, none larger than the first ones.

    Raises:
        ValueError: the log or the device cannot be used, or a point would not fit in memory.
        WorkerError: not even the device could be looked at.
    """
    if log is not None:
        log.require_writable()
    workers = Workers(preload=tasks[0][0].module)
    points = [point for _, point in tasks]
    require_room(points, workers.call("gqa_core.measure.device", "survey", device)["free_bytes"])
    n_points = len(tasks) + n_more
    _prepare(workers, points, device, lambda text: say(progress_line(0, n_points, text)))
    header = _header()
    n_begun, failed, unkept, records = 0, 0, [], []
    for kind, point in _in_turn(tasks, follow, n_more, records):
        index, n_begun = n_begun, n_begun + 1
        say(progress_line(index, n_points, f"{kind.verb} {point}"))
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
        records.append(record)
    if unkept:
        say(f"{len(unkept)} of {n_begun} records {NOT_KEPT}: {unkept[0]}")
    say(progress_line(n_begun, n_begun, "done"))
    return failed + len(unkept)


def _prepare(workers: Workers, points: Sequence[Point], device: str, say: Say) -> None:
    """Have compiled what the points' caches are attended by; `say` hears of what really is.

    Those that follow are no larger and of the same kinds. A point whose kernel cannot be had says
    so itself, when its turn comes.
    """
    cache_specs = {layout for point in points for layout in point.cache_specs}
    if cache_specs:
        with suppress(ValueError, WorkerError):
            workers.call(
                "gqa_core.measure.prepare", "prepare_kernels", cache_specs, device, tell=say
            )


def _in_turn(
    tasks: Sequence[Task], follow: Follow, n_more: int, records: Sequence[Record]
) -> Iterator[Task]:
    """The tasks, then those that follow from what `records` hold by then, at most `n_more`."""
    while tasks:
        yield from tasks
        tasks = follow(records)[:n_more]
        n_more -= len(tasks)


def _header() -> dict[str, str | None]:
    """What all records of one run share."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    return {"run_id": run_id, "git_commit": git_commit()}


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
