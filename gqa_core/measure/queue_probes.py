"""The probes of a run on an accelerator, timed as its steps are: behind a spin, after a flush.

A GPU reads PROBE_BYTES within the time of some launches, so a pass reads GPU_PROBE_BYTES at once.
"""

from __future__ import annotations

import torch

from gqa_core.measure.best_rates import BestRates
from gqa_core.measure.probe import arithmetic_probes, read_probes
from gqa_core.measure.step_timer import DeviceTimers, StepTimer

__all__ = ["GPU_PROBE_BYTES", "QueueProbes"]

GPU_PROBE_BYTES = 2**30
N_TRIES = 5


class QueueProbes(BestRates):
    """Probes of one device and dtype; the best of all passes counts."""

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        timers: DeviceTimers,
        n_bytes: int = GPU_PROBE_BYTES,
    ) -> None:
        buffer = torch.ones(n_bytes // 4, dtype=torch.float32, device=device)
        self._n_bytes = n_bytes
        self._read = _fastest([timers.for_call(call) for call in read_probes(buffer)])
        products = arithmetic_probes(dtype, device)
        super().__init__([(timers.for_call(call).time_whole, flops) for call, flops in products])

    def read(self) -> None:
        """Read the buffer, and keep the bandwidth."""
        self.bandwidths.append(self._n_bytes / self._read.time_whole())
        self.read_bandwidth = max(self.bandwidths)


def _fastest(timers: list[StepTimer]) -> StepTimer:
    """The timer whose best sample is the shortest; they take turns."""
    rounds = [[timer.time_whole() for timer in timers] for _ in range(N_TRIES)]
    best = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return timers[best.index(min(best))]
