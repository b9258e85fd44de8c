"""The memory that a measurement takes: the peak above a baseline."""

from __future__ import annotations

import gc

import torch

from gqa_core.measure import memory
from gqa_core.records.memory import MemoryPeaks

__all__ = ["MemoryMeter"]


class MemoryMeter:
    """Peak memory above the level at construction time.

    `peak_was_reset` is False where the process's peak includes what came before.
    """

    def __init__(self, device: torch.device) -> None:
        gc.collect()
        self._device = device
        if device.type != "cpu":
            torch.accelerator.empty_cache()
            torch.accelerator.reset_peak_memory_stats(device)
            self._allocated = torch.accelerator.memory_allocated(device)
        self.peak_was_reset = memory.reset_peak()
        self._baseline = memory.resident_bytes()

    def read(self) -> MemoryPeaks:
        """The process's peak and baseline, and the allocator's peak above its own baseline."""
        allocator_peak = None
        if self._device.type != "cpu":
            peak = torch.accelerator.max_memory_allocated(self._device)
            allocator_peak = peak - self._allocated
        return MemoryPeaks(
            allocator_peak_bytes=allocator_peak,
            process_peak_bytes=memory.peak_bytes(),
            baseline_bytes=self._baseline,
        )
