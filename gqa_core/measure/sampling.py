"""Samples of several decode steps, in turns until the estimate of each stops moving.

Other work on a machine comes and goes over seconds. Steps that take turns meet the same moments, so
that their ratios hold where their times do not. The order is drawn anew in each round, and between
two passes of a step the bandwidth probe reads more than a processor's cache holds: each step finds
that cache as a large model leaves it, full of other data.

Short steps settle within milliseconds and cost little; those that have settled drop out. A round
has a pass by phase and a whole pass of each step that is left, each turn after a probe, and several
passes of attending alone: on a loaded machine a call of a millisecond often runs undisturbed by
itself, and seldom behind the projections, which take most of a time slice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gqa_core.engine.layer import PHASES
from gqa_core.records.quartiles import TimeSummary

__all__ = ["BUDGET_S", "READS_PER_ROUND", "ProbeTurns", "StepSamples", "TimedStep", "take_samples"]

MIN_S = 1.0  # of all steps together
BUDGET_S = 2.0  # per step, from when on only the least number of samples is still due
ATTENDS_PER_ROUND = 4
READS_PER_ROUND = ATTENDS_PER_ROUND + 2
MAX_ROUNDS = 200
SETTLED_RATIO = 0.03  # of the interval of a 5th percentile
REPORT_S = 2.0
SEED = 5


class TimedStep(Protocol):
    """A decode step that can be repeated and timed, in seconds."""

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one pass."""

    def time_whole(self) -> float:
        """Seconds of one whole pass."""

    def time_attend(self) -> float:
        """Seconds of attending alone."""

    def time_overhead(self) -> float:
        """Seconds of attending over one token: what launching costs."""


class ProbeTurns(Protocol):
    """Probes of the device that run between the steps and keep what they measure."""

    def read(self) -> None:
        """Read more memory than a processor's cache holds, and keep the bandwidth."""

    def multiply(self) -> None:
        """Multiply, and keep the rate."""


@dataclass(slots=True)
class StepSamples:
    """Seconds of every repeat of a step, by phase and whole, and of attending over one token.

    Those of attending are of passes by itself.
    """

    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {phase: [] for phase in (*PHASES, "step")}
    )
    overhead: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Whole passes so far."""
        return len(self.seconds["step"])

    def is_settled(self) -> bool:
        """True if the 5th percentiles of attend and step are known within SETTLED_RATIO."""
        return all(
            TimeSummary.from_samples(self.seconds[name]).interval_ratio <= SETTLED_RATIO
            for name in ("attend", "step")
        )


def take_samples(
    timers: Sequence[TimedStep],
    probes: ProbeTurns,
    *,
    least: int,
    budget_s: float | None = None,
    now: Callable[[], float] = time.monotonic,
    on_progress: Callable[[str, int], None] = lambda text, n_done: None,
) -> list[StepSamples]:
    """At least `least` samples of each step, more until it settles or the budget ends.

    `on_progress` is called with a text and with how many of the steps have all their samples.
    """
    all_samples = [StepSamples() for _ in timers]
    budget_s = BUDGET_S * len(timers) if budget_s is None else budget_s
    generator = random.Random(SEED)
    start = last_report = now()
    left = list(zip(timers, all_samples, strict=True))
    while left:
        _take_round(left, probes, generator)
        elapsed = now() - start
        left = [
            (timer, samples)
            for timer, samples in left
            if samples.count < least or not _is_done(samples, elapsed, budget_s)
        ]
        if now() - last_report >= REPORT_S:
            last_report = now()
            on_progress(_describe(all_samples, elapsed), len(timers) - len(left))
    probes.read()
    return all_samples


def _take_round(
    left: Sequence[tuple[TimedStep, StepSamples]], probes: ProbeTurns, generator: random.Random
) -> None:
    """A pass by phase, several of attending alone and a whole one of each step, in drawn orders."""
    probes.multiply()
    probes.read()
    for timer, samples in generator.sample(left, len(left)):
        samples.overhead.append(timer.time_overhead())
        for phase, seconds in timer.time_phases().items():
            if phase != "attend":
                samples.seconds[phase].append(seconds)
    for _ in range(ATTENDS_PER_ROUND):
        probes.multiply()
        probes.read()
        for timer, samples in generator.sample(left, len(left)):
            samples.seconds["attend"].append(timer.time_attend())
    probes.read()
    for timer, samples in generator.sample(left, len(left)):
        samples.seconds["step"].append(timer.time_whole())


def _is_done(samples: StepSamples, elapsed: float, budget_s: float) -> bool:
    """True if a step that has its least number of samples needs no more, or gets none."""
    if elapsed >= budget_s or samples.count >= MAX_ROUNDS:
        return True
    return elapsed >= MIN_S and samples.is_settled()


def _describe(all_samples: Sequence[StepSamples], elapsed: float) -> str:
    """The state of the sampling in words."""
    count = max(samples.count for samples in all_samples)
    return f"{count} samples in {elapsed:.0f} s"
