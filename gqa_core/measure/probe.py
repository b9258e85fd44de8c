"""How fast this device reads memory: the roof under which every decode step lives.

A sum over a buffer of PROBE_BYTES, in the same process and run as the point it is held against. The
buffer is larger than the caches of most processors; on one whose last cache could hold it, the
figure is that cache's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from gqa_core.measure.point import PROBE_BYTES


def read_probe(device: torch.device) -> Callable[[], torch.Tensor]:
    """A call that reads PROBE_BYTES of memory once, from end to end, and next to nothing else."""
    buffer = torch.ones(PROBE_BYTES // 4, dtype=torch.float32, device=device)
    return buffer.sum
