"""Measures time: a synchronised clock, seconds by phase and of whole passes.

Work on an accelerator is only queued when a call returns, so phases are marked by events in the
queue itself, and a whole step is timed with the queue drained on both sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from gqa_core.engine.layer import PhaseHook


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a device: a mark, seconds between two marks, and waiting for its queue."""

    mark: Callable[[], Any]
    seconds: Callable[[Any, Any], float]
    synchronize: Callable[[], None]

    @classmethod
    def for_device(cls, device: torch.device) -> Clock:
        """perf_counter for a CPU, events of the queue for an accelerator."""
        if device.type == "cpu":
            return cls(time.perf_counter, lambda start, end: end - start, lambda: None)
        return cls(
            lambda: _recorded_event(device),
            lambda start, end: start.elapsed_time(end) / 1e3,
            lambda: torch.accelerator.synchronize(device),
        )


def time_phases(run: Callable[[PhaseHook], object], clock: Clock) -> dict[str, float]:
    """Seconds of each phase of one pass, summed over layers; `run` calls its hook after each."""
    clock.synchronize()
    marks = [("", clock.mark())]
    run(lambda phase: marks.append((phase, clock.mark())))
    clock.synchronize()
    totals: dict[str, float] = {}
    for (_, start), (phase, end) in pairwise(marks):
        totals[phase] = totals.get(phase, 0.0) + clock.seconds(start, end)
    return totals


def time_whole(run: Callable[[], object], clock: Clock) -> float:
    """Seconds of one pass from start to end, the device's queue drained before both marks."""
    clock.synchronize()
    start = clock.mark()
    run()
    end = clock.mark()
    clock.synchronize()
    return clock.seconds(start, end)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the body with one torch thread; the previous number is restored afterwards.

    Thousands of short steps gain little from a second thread, and on a busy machine each step would
    wait for the slower of the two.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _recorded_event(device: torch.device) -> torch.Event:
    event = torch.Event(device=device, enable_timing=True)
    event.record()
    return event
