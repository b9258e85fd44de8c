"""The memory that a measurement takes: the peak above a baseline."""

from __future__ import annotations

import gc

import torch

from gqa_core.measure import memory
from gqa_core.records.memory import MemoryPeaks

__all__ = ["MemoryMeter"]


class MemoryMeter:
    """Peak memory above the level at construction time.

    An accelerator's peak is its allocator's. Read it after eager steps and before a step is
    captured: graphs reserve memory of their own, which a record tells apart (`StepTiming`).
    `peak_was_reset` is False where the process's peak includes what came before.
    """

    def __init__(self, device: torch.device) -> None:
        gc.collect()
        self._device = device
        self._allocated = _reset_allocator(device)
        self.peak_was_reset = memory.reset_peak()
        self._baseline = memory.resident_bytes()

    def read(self) -> MemoryPeaks:
        """The process's peak and baseline, and the allocator's peak above its own baseline."""
        allocator_peak = None
        if self._device.type != "cpu":
            allocator_peak = max(_allocator_peak(self._device) - self._allocated, 0)
        return MemoryPeaks(
            allocator_peak_bytes=allocator_peak,
            process_peak_bytes=memory.peak_bytes(),
            baseline_bytes=self._baseline,
        )


def _reset_allocator(device: torch.device) -> int:
    """Bytes allocated on an accelerator now, from which its peak counts; 0 of a CPU."""
    if device.type == "cpu":
        return 0
    if device.type == "mps":
        torch.mps.empty_cache()
        return torch.mps.current_allocated_memory()
    torch.accelerator.empty_cache()
    torch.accelerator.reset_peak_memory_stats(device)
    return torch.accelerator.memory_allocated(device)


def _allocator_peak(device: torch.device) -> int:
    """Most bytes allocated on an accelerator since the reset.

    Metal's allocator keeps no peak: its bytes now are the tensors that are alive, without what a
    step needed in between.
    """
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return torch.accelerator.max_memory_allocated(device)
