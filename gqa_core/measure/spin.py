"""A kernel that only spins: what is queued behind it runs back to back, whatever queueing took.

Launching a kernel takes the CPU some microseconds, about as long as a short kernel runs. A device
that waits for launches is timed at launching; one that spins until all is queued is not.
"""

from __future__ import annotations

from typing import Any

import torch

from gqa_core.measure.timing import Clock, time_whole

__all__ = ["MAX_SPIN_S", "Spin"]

TRIAL_CYCLES = 1_000_000
N_TRIALS = 3
MIN_SPIN_S, MAX_SPIN_S = 100e-6, 0.1


class Spin:
    """Spins for `seconds`, which grow by `lengthen` when a sample took longer to queue.

    torch's own tests time with `torch.cuda._sleep`, which is private: it counts clock cycles, whose
    rate is measured here once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        trials = [time_whole(lambda: _sleep(TRIAL_CYCLES), clock) for _ in range(N_TRIALS)]
        self._cycles_per_s = TRIAL_CYCLES / min(trials)
        self.seconds = MIN_SPIN_S

    def queue(self) -> Any:
        """Queue a spin; returns the event at its end."""
        _sleep(max(round(self.seconds * self._cycles_per_s), 1))
        return self._clock.mark()

    def lengthen(self) -> bool:
        """Double the seconds; False once they are the most allowed."""
        if self.seconds >= MAX_SPIN_S:
            return False
        self.seconds = min(2 * self.seconds, MAX_SPIN_S)
        return True

    def reset(self) -> None:
        """Spin as shortly as at first."""
        self.seconds = MIN_SPIN_S


def _sleep(cycles: int) -> None:
    torch.cuda._sleep(cycles)
