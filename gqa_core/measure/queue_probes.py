"""The probes of a run on an accelerator, timed as its steps are: behind a spin, after a flush.

A GPU reads PROBE_BYTES within the time of some launches, so a pass reads GPU_PROBE_BYTES at once.
"""

from __future__ import annotations

import torch

from gqa_core.measure.probe import arithmetic_probes, read_probes
from gqa_core.measure.step_timer import DeviceTimers, StepTimer
from gqa_core.theory.prediction import Probes

__all__ = ["GPU_PROBE_BYTES", "QueueProbes"]

GPU_PROBE_BYTES = 2**30
N_TRIES = 5


class QueueProbes:
    """Probes of one device and dtype; the best of all passes counts.

    `bandwidths` has the bytes per second of every pass, in order.
    """

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
        self._products = [
            (timers.for_call(call), flops) for call, flops in arithmetic_probes(dtype, device)
        ]
        self._n_products = 0
        self.bandwidths: list[float] = []
        self.read_bandwidth = self.arithmetic_rate = 0.0

    def read(self) -> None:
        """Read the buffer, and keep the bandwidth."""
        self.bandwidths.append(self._n_bytes / self._read.time_whole())
        self.read_bandwidth = max(self.bandwidths)

    def multiply(self) -> None:
        """Run the next of the products once, and keep the rate."""
        timer, flops = self._products[self._n_products % len(self._products)]
        self._n_products += 1
        self.arithmetic_rate = max(self.arithmetic_rate, flops / timer.time_whole())

    def results(self, overhead_s: float) -> Probes:
        """The rates so far, and the overhead of one step."""
        return Probes(
            read_bandwidth_bytes_per_s=self.read_bandwidth,
            arithmetic_flops_per_s=self.arithmetic_rate,
            attend_overhead_s=overhead_s,
        )


def _fastest(timers: list[StepTimer]) -> StepTimer:
    """The timer whose best sample is the shortest; they take turns."""
    rounds = [[timer.time_whole() for timer in timers] for _ in range(N_TRIES)]
    best = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return timers[best.index(min(best))]
