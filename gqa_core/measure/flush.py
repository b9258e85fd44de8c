"""Emptying a GPU's last cache between samples: a step finds its K and V in memory, not in cache.

A buffer of twice the cache's size is overwritten, so that none of what a sample reads can be left
from the sample before: caches of one sample and flush together always exceed twice the cache.
"""

from __future__ import annotations

import torch

__all__ = ["Flush", "flush_bytes", "last_cache_bytes"]

FLUSHED_CACHES = 2  # times the last cache that is overwritten
MIN_FLUSH_BYTES = 2**20
# ROCm reports the L2 of a GPU whose memory stands behind a larger cache, of 256 MiB on an MI300.
ROCM_LAST_CACHE_BYTES = 2**28


def last_cache_bytes(device: torch.device) -> int:
    """Bytes of the last cache before a CUDA or ROCm GPU's memory, by its properties."""
    n_bytes = int(torch.cuda.get_device_properties(device).L2_cache_size)
    return max(n_bytes, ROCM_LAST_CACHE_BYTES) if torch.version.hip is not None else n_bytes


def flush_bytes(device: torch.device) -> int:
    """Bytes to overwrite so that nothing stays in the last cache; 0 where its size is unknown."""
    if device.type != "cuda":
        return 0
    return max(FLUSHED_CACHES * last_cache_bytes(device), MIN_FLUSH_BYTES)


class Flush:
    """Overwrites `n_bytes` of a device's memory at each call; the work is queued."""

    def __init__(self, device: torch.device, n_bytes: int) -> None:
        self._buffer = torch.empty(n_bytes // 4, dtype=torch.int32, device=device)

    @property
    def n_bytes(self) -> int:
        """Bytes overwritten per call."""
        return self._buffer.nbytes

    def __call__(self) -> None:
        """Queue one overwrite."""
        self._buffer.zero_()
