"""Times steps by events in a device's queue.

A step shorter than SHORT_S is replayed many times per sample, since events resolve about half a
microsecond. Each replay has a flush and events of its own: replayed back to back, K and V that fit
into the GPU's last cache would be read from there, and the step look faster than any real one. Only
a device whose cache cannot be flushed is timed over a whole row of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gqa_core.engine.layer import PhaseHook, no_phase_hook
from gqa_core.measure.flush import Flush
from gqa_core.measure.graphs import Step
from gqa_core.measure.queue_marks import MAX_QUEUED, QueueMarks
from gqa_core.measure.spin import Spin
from gqa_core.measure.timing import Clock
from gqa_core.records.step_timing import MAX_REPLAYS, StepTiming, TimingMethod

__all__ = ["QueueTimer", "replays_per_sample"]

SHORT_S = 20e-6  # a shorter step is replayed several times per sample
SAMPLE_S = 200e-6  # of a short step's replays together
QUEUED_SAMPLE_S = 1e-3  # of steps without a flush, so that one drained queue matters little
FULL_QUEUE_S = 10e-3  # a spin in which MAX_QUEUED operations are queued, unless the queue is full
MIN_QUEUED = 16
N_ATTEMPTS = 2  # with one spin
EAGER_OPERATIONS = 16  # of one phase, roughly: its kernels and the event
N_TRIALS = 3
STEP = "step"
NOT_HIDDEN = "launches are timed: queueing a sample takes longer than the longest spin"


@dataclass(slots=True, kw_only=True)
class QueueTimer:
    """A `StepTimer` of queued work; `replay` and `replay_phases` queue one step each."""

    replay: Callable[[], object]
    replay_phases: Step
    clock: Clock
    method: TimingMethod
    operations_per_mark: int
    flush_caches: Flush | None = None
    spin: Spin | None = None
    graph_pool_bytes: int = 0
    n_replays: int = 1
    max_queued: int = MAX_QUEUED
    note: str | None = None

    @classmethod
    def eager(
        cls,
        step: Step,
        clock: Clock,
        *,
        note: str,
        flush_caches: Flush | None = None,
        spin: Spin | None = None,
    ) -> QueueTimer:
        """A timer of steps that are queued call by call."""
        return cls(
            replay=lambda: step(no_phase_hook),
            replay_phases=step,
            clock=clock,
            method="queued",
            operations_per_mark=EAGER_OPERATIONS,
            flush_caches=flush_caches,
            spin=spin,
            note=note,
        )

    @property
    def timing(self) -> StepTiming:
        """The way it is timed, as a record has it."""
        return StepTiming(
            method=self.method,
            replays_per_sample=self.n_replays,
            flush_bytes=0 if self.flush_caches is None else self.flush_caches.n_bytes,
            graph_pool_bytes=self.graph_pool_bytes,
            note=self.note,
        )

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one step, summed over layers: the mean of a sample's replays."""
        return self._sample(self.replay_phases, self.n_replays)

    def time_whole(self) -> float:
        """Seconds of one step: the mean of a sample's replays."""
        n_in_row = self.n_replays if self.flush_caches is None else 1

        def run(on_phase_end: PhaseHook) -> None:
            for _ in range(n_in_row):
                self.replay()
            on_phase_end(STEP)

        return self._sample(run, self.n_replays // n_in_row)[STEP] / n_in_row

    def flush(self) -> None:
        """Empty the device's last cache, where its size is known."""
        if self.flush_caches is not None:
            self.flush_caches()

    def choose_replays(self) -> None:
        """Set the replays per sample by the shorter of a step and its longest phase.

        One sample of both follows, so that the spin is as long as all later ones need.
        """
        shortest = min(
            seconds
            for _ in range(N_TRIALS)
            for seconds in (self.time_whole(), max(self.time_phases().values()))
        )
        self.n_replays = replays_per_sample(shortest, is_cold=self.flush_caches is not None)
        self.time_whole()
        self.time_phases()

    def _sample(self, run: Step, n_passes: int) -> dict[str, float]:
        """Mean seconds of each phase per pass; taken again until no launch is timed."""
        n_failed = 0
        while True:
            marks = self._queue(run, n_passes)
            if self.spin is None or marks.is_hidden:
                return {phase: total / n_passes for phase, total in marks.totals().items()}
            n_failed += 1
            if n_failed % N_ATTEMPTS == 0:  # one failure may be the machine's, not the spin's
                self._hide_more(self.spin)

    def _hide_more(self, spin: Spin) -> None:
        """Spin longer; once that does not help, queue less at a time, since the queue is full.

        Where nothing helps, the timer goes on without a spin, and `note` says so from then on.
        """
        if spin.seconds >= FULL_QUEUE_S and self.max_queued > MIN_QUEUED:
            self.max_queued //= 2
            spin.reset()
        elif not spin.lengthen():
            self.spin = None
            self.note = NOT_HIDDEN if self.note is None else f"{self.note}; {NOT_HIDDEN}"

    def _queue(self, run: Step, n_passes: int) -> QueueMarks:
        """The marks of the passes, drained; each pass finds the last cache flushed."""
        marks = QueueMarks(self.clock, self.spin, self.operations_per_mark, self.max_queued)
        marks.open()
        for _ in range(n_passes):
            self.flush()
            marks.start()
            run(marks.end_phase)
        marks.close()
        return marks


def replays_per_sample(seconds: float, *, is_cold: bool) -> int:
    """The number of replays of a step of these seconds that make one sample.

    `is_cold` tells that a flush precedes each of them.
    """
    if is_cold and seconds >= SHORT_S:
        return 1
    target = SAMPLE_S if is_cold else QUEUED_SAMPLE_S
    return min(max(math.ceil(target / max(seconds, 1e-9)), 1), MAX_REPLAYS)
