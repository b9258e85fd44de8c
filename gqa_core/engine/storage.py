"""Memory for what is read from end to end, in huge pages where the system has them.

Every page of 4 KiB that is read costs a look into the page tables, and in a virtual machine a long
one. In pages of 2 MiB, 2 cores of a Xeon read a cache of 8 K/V heads in bfloat16 in three quarters
of the time. Linux gives them when asked, many systems unasked; elsewhere this is ordinary memory.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor

HUGE_FROM = 4 << 20  # bytes: two huge pages


def empty(shape: Sequence[int], *, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    """A contiguous tensor like torch.empty, whose memory is the sooner read the larger it is.

    Raises:
        RuntimeError: there is not so much memory.
    """
    n_bytes = math.prod(shape) * dtype.itemsize
    is_small = n_bytes < HUGE_FROM or torch.device(device).type != "cpu"
    if is_small or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype, device=device)
    try:
        memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise RuntimeError(f"{n_bytes} bytes of memory cannot be had: {error.strerror}") from error
    with suppress(OSError):  # a kernel without huge pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape)
