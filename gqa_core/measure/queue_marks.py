"""Marks in a device's queue: events after the phases of a sample, queued while the device spins.

A queue holds about a thousand launches; behind a spin, the next one would wait for its end. So no
more than `max_queued` operations are queued at a time: then the queue is drained, and the next spin
begins where the sample goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gqa_core.measure.spin import Spin
from gqa_core.measure.timing import Clock

__all__ = ["GRAPH_OPERATIONS", "MAX_QUEUED", "QueueMarks"]

MAX_QUEUED = 512  # operations behind one spin, unless a queue turns out to hold fewer
GRAPH_OPERATIONS = 2  # per mark: the launch of a graph, and the event
START = ""  # the name of a mark before which nothing is timed


@dataclass(slots=True)
class QueueMarks:
    """The marks of one sample; `is_hidden` tells if all was queued while the device spun."""

    clock: Clock
    spin: Spin | None
    operations_per_mark: int
    max_queued: int = MAX_QUEUED
    is_hidden: bool = True
    _marks: list[tuple[str, Any]] = field(default_factory=list)
    _spin_end: Any = None
    _n_queued: int = 0

    def open(self) -> None:
        """Drain the queue and begin a spin."""
        self.close()
        if self.spin is not None:
            self._spin_end = self.spin.queue()

    def start(self) -> None:
        """Mark where timing begins."""
        self._marks.append((START, self.clock.mark()))
        self._n_queued += 1

    def end_phase(self, phase: str) -> None:
        """Mark the end of a phase; once the queue is full, it is drained and timing goes on."""
        self._marks.append((phase, self.clock.mark()))
        self._n_queued += self.operations_per_mark
        if self.spin is not None and self._n_queued >= self.max_queued:
            self.open()
            self.start()

    def close(self) -> None:
        """Wait until the queue is drained, noting first if the device still spun."""
        if self._spin_end is not None and self._spin_end.query():
            self.is_hidden = False
        self.clock.synchronize()
        self._spin_end, self._n_queued = None, 0

    def totals(self) -> dict[str, float]:
        """Seconds of each phase, summed over everything that was marked."""
        seconds: dict[str, float] = {}
        for (_, start), (phase, end) in pairwise(self._marks):
            if phase != START:
                seconds[phase] = seconds.get(phase, 0.0) + self.clock.seconds(start, end)
        return seconds
