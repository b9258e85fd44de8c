"""Timers of a step: seconds by phase and whole, by the method that suits the device.

* A CPU has done a call's work when it returns: the process's clock times it.
* CUDA and ROCm: the step is captured in graphs and replayed behind a spin, after a flush of the
  last cache. What is timed is the device's work, back to back, from memory that is not cached.
* Without graphs (Apple's GPUs, or a step that cannot be captured) eager calls are queued instead;
  `note` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from gqa_core.engine.layer import PhaseHook, no_phase_hook
from gqa_core.measure.flush import Flush, flush_bytes
from gqa_core.measure.graphs import GraphedStep, Step
from gqa_core.measure.queue_marks import GRAPH_OPERATIONS
from gqa_core.measure.queue_timer import QueueTimer
from gqa_core.measure.spin import Spin
from gqa_core.measure.timing import Clock, time_phases, time_whole
from gqa_core.records.step_timing import StepTiming

__all__ = ["ClockTimer", "StepTimer", "call_timer", "step_timer"]


class StepTimer(Protocol):
    """Times one step; `note` is what a reader must know of the way, if anything."""

    note: str | None

    @property
    def timing(self) -> StepTiming:
        """The way it is timed, as a record has it."""

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one step, summed over layers."""

    def time_whole(self) -> float:
        """Seconds of one step."""

    def flush(self) -> None:
        """Empty the device's last cache, where its size is known."""


@dataclass(slots=True)
class ClockTimer:
    """Times a CPU's steps by the process's clock."""

    step: Step
    clock: Clock
    note: str | None = None

    @property
    def timing(self) -> StepTiming:
        """The process's clock."""
        return StepTiming(method="clock")

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one step, summed over layers."""
        return time_phases(self.step, self.clock)

    def time_whole(self) -> float:
        """Seconds of one step."""
        return time_whole(lambda: self.step(no_phase_hook), self.clock)

    def flush(self) -> None:
        """Do nothing: a pass of the bandwidth probe empties a CPU's caches."""


def step_timer(step: Step, device: torch.device) -> StepTimer:
    """The timer of a step on this device.

    On a GPU it captures the step, which takes memory: make it after the allocator's peak was read.
    """
    clock = Clock.for_device(device)
    if device.type == "cpu":
        return ClockTimer(step, clock)
    if device.type != "cuda":
        timer = QueueTimer.eager(step, clock, note="queued steps: this device has no graphs")
    else:
        timer = _cuda_timer(step, device, clock)
    timer.choose_replays()
    return timer


def call_timer(call: Callable[[], object], device: torch.device) -> StepTimer:
    """The timer of a call without phases, such as a probe, on this device."""

    def step(on_phase_end: PhaseHook) -> None:
        call()
        on_phase_end("call")

    return step_timer(step, device)


def _cuda_timer(step: Step, device: torch.device, clock: Clock) -> QueueTimer:
    """A timer of replays, or of eager steps if the step cannot be captured."""
    flush, spin = Flush(device, flush_bytes(device)), Spin(clock)
    try:
        graphs = GraphedStep(step, device)
    except RuntimeError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        note = f"queued steps: no graph could be captured ({reason})"
        return QueueTimer.eager(step, clock, note=note, flush_caches=flush, spin=spin)
    return QueueTimer(
        replay=graphs.replay,
        replay_phases=graphs.replay_phases,
        clock=clock,
        method="graph",
        operations_per_mark=GRAPH_OPERATIONS,
        flush_caches=flush,
        spin=spin,
        graph_pool_bytes=graphs.pool_bytes,
    )
