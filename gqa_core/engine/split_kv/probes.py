"""The two limits of a roofline, probed by compiled code: multiply-adds, and reads of memory.

A bound holds only if its probes reach what the hardware can do. Library calls do not everywhere: on
2 cores of an EPYC torch's product of matrices ran at 83 GFLOP/s in a moment when the multiply-adds
below ran at 232, which is all that the core can do. So these probes use the instructions of the
attention kernel, all its threads, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from gqa_core.engine.split_kv.compile_cache import write_checksums
from gqa_core.engine.split_kv.probe_loops import N_CHAINS, dot_bf16_steps, fma_steps, read_words
from gqa_core.engine.split_kv.threads import start_pool, sync_num_threads
from gqa_core.engine.split_kv.vectors import HAS_BF16_DOT, LANES

__all__ = ["fma_probes", "load_probes", "reader"]

N_STEPS = 1 << 18  # of a probe: 0.9 ms on a core of 3.6 GHz; no sum exceeds what float32 counts

Probe: TypeAlias = tuple[Callable[[], np.ndarray], int]  # a call and its FLOP


def fma_probes(dtype: torch.dtype) -> list[Probe]:
    """Calls that do nothing but multiply-adds, about 1 ms each on an idle CPU, and their FLOP.

    One per instruction that serves numbers of this dtype: float32, and for bfloat16 its dot product
    of pairs where the CPU has it. A call returns the sums, which are half of the FLOP in total.
    """
    load_probes(dtype)
    n_threads = sync_num_threads()
    flops = N_STEPS * n_threads * N_CHAINS * LANES * 2
    probes: list[Probe] = [(partial(fma_steps, N_STEPS, n_threads), flops)]
    if dtype == torch.bfloat16 and HAS_BF16_DOT:
        probes.append((partial(dot_bf16_steps, N_STEPS, n_threads), 2 * flops))
    return probes


def reader(buffer: Tensor) -> Callable[[], int]:
    """A call that reads a contiguous CPU tensor once, in order, with all threads.

    It returns the sum of the 32-bit integers at these addresses, modulo 2^32.

    Raises:
        ValueError: the bytes of the tensor are not a multiple of 4.
    """
    if buffer.nbytes % 4:
        raise ValueError(f"bytes of the buffer must be a multiple of 4: got {buffer.nbytes}")
    load_reader()
    words = buffer.view(-1).view(torch.uint8).numpy().view(np.int32)
    return lambda: int(read_words(words, sync_num_threads()).sum(dtype=np.int32))


@cache
def load_probes(dtype: torch.dtype) -> None:
    """Compile the probes for a dtype, or load them: seconds the first time on a machine."""
    load_reader()
    fma_steps(1, 1)
    if dtype == torch.bfloat16 and HAS_BF16_DOT:
        dot_bf16_steps(1, 1)
    write_checksums()


@cache
def load_reader() -> None:
    """Compile the reader, or load it."""
    start_pool()
    read_words(np.zeros(1, np.int32), 1)
    write_checksums()
