"""The memory a measurement takes: what is held above a baseline, at its worst."""

from __future__ import annotations

import gc

import torch

from gqa_core.measure import memory


class MemoryMeter:
    """What is held more than at the moment this was made, at its worst."""

    def __init__(self, device: torch.device) -> None:
        gc.collect()
        self._device = device
        if device.type != "cpu":
            torch.accelerator.empty_cache()
            torch.accelerator.reset_peak_memory_stats(device)
            self._allocated = torch.accelerator.memory_allocated(device)
        self.was_reset = memory.reset_peak()
        self._baseline = memory.resident_bytes()

    def read(self) -> dict[str, int | None]:
        """The process's peak and baseline; of an accelerator's allocator the peak above its own."""
        allocator_peak = None
        if self._device.type != "cpu":
            peak = torch.accelerator.max_memory_allocated(self._device)
            allocator_peak = peak - self._allocated
        return {
            "allocator_peak_bytes": allocator_peak,
            "process_peak_bytes": memory.peak_bytes(),
            "baseline_bytes": self._baseline,
        }
