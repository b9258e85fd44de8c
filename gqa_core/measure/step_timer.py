"""Timers of a step: seconds by phase and whole, by the method that suits the device.

* A CPU has done a call's work when it returns: the process's clock times it.
* CUDA and ROCm: the step is captured in graphs and replayed behind a spin, after a flush of the
  last cache. What is timed is the device's work, back to back, from memory that is not cached.
* Without graphs (Apple's GPUs, or a step that cannot be captured) eager calls are queued instead;
  the timing's note says so.
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

__all__ = ["ClockTimer", "DeviceTimers", "StepTimer"]

MAX_REASON = 100  # characters


class StepTimer(Protocol):
    """Times one step."""

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


class DeviceTimers:
    """Makes the timers of one device, which share a flush buffer and a spin."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.clock = Clock.for_device(device)
        self._flush: Flush | None = None
        self._spin: Spin | None = None
        if device.type == "cuda":
            self._flush, self._spin = Flush(device, flush_bytes(device)), Spin(self.clock)

    def for_step(self, step: Step) -> StepTimer:
        """The timer of a step.

        On a GPU it captures the step, which takes memory: make it after the allocator's peak was
        read.
        """
        if self._device.type == "cpu":
            return ClockTimer(step, self.clock)
        if self._device.type == "cuda":
            timer = self._graph_timer(step)
        else:
            note = "queued steps: this device has no graphs"
            timer = QueueTimer.eager(step, self.clock, note=note)
        timer.choose_replays()
        return timer

    def for_call(self, call: Callable[[], object]) -> StepTimer:
        """The timer of a call without phases, such as a probe."""

        def step(on_phase_end: PhaseHook) -> None:
            call()
            on_phase_end("call")

        return self.for_step(step)

    def _graph_timer(self, step: Step) -> QueueTimer:
        """A timer of replays, or of eager steps if the step cannot be captured."""
        try:
            graphs = GraphedStep(step, self._device)
        except RuntimeError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:MAX_REASON]
            note = f"queued steps: no graph could be captured ({reason})"
            return QueueTimer.eager(
                step, self.clock, note=note, flush_caches=self._flush, spin=self._spin
            )
        return QueueTimer(
            replay=graphs.replay,
            replay_phases=graphs.replay_phases,
            clock=self.clock,
            method="graph",
            operations_per_mark=GRAPH_OPERATIONS,
            flush_caches=self._flush,
            spin=self._spin,
            graph_pool_bytes=graphs.pool_bytes,
        )
