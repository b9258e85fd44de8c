"""Machines of the log side by side: each beside the first over the points that both measured."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MachinePoints", "MachineRow", "machine_rows", "newest_points"]

Point = Hashable  # what must be equal for two attend times to be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePoints:
    """A machine, its number of records, and its newest usable attend time per point in seconds."""

    name: str
    n_records: int
    attend_s: Mapping[Point, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """A machine beside the first one.

    `ratio` is the median of its attend times over those of the first machine, at `n_shared` points;
    None where they share none.
    """

    machine: MachinePoints
    n_shared: int
    ratio: float | None


def newest_points(rows: Iterable[tuple[Point, float, str]]) -> dict[Point, float]:
    """The first usable time per point of (point, attend in seconds, verdict), newest first."""
    times: dict[Point, float] = {}
    for point, attend_s, verdict in rows:
        if verdict != "unusable":
            times.setdefault(point, attend_s)
    return times


def machine_rows(machines: Sequence[MachinePoints]) -> list[MachineRow]:
    """One row per machine; the first is compared with itself."""
    rows = []
    for machine in machines:
        base = machines[0].attend_s
        ratios = [
            seconds / base[point] for point, seconds in machine.attend_s.items() if point in base
        ]
        ratio = statistics.median(ratios) if ratios else None
        rows.append(MachineRow(machine=machine, n_shared=len(ratios), ratio=ratio))
    return rows
