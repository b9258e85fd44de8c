"""Chunks of a context: scratch memory per task, the range per thread, and the merge at the end.

A task is one chunk of one row of heads. Its scratch memory holds scores, accumulated values,
queries, and per query the running maximum and the running sum, all in float32.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gqa_core.engine.split_kv.products import FASTMATH, product
from gqa_core.engine.split_kv.rows import add_row, power_of_two, scale_row, store_row
from gqa_core.engine.split_kv.vectors import LANES, TILES

NEG_INF = np.float32(-1e30)  # below any score, and finite: it can be subtracted from itself
LN_2 = np.float32(np.log(2))
FLOATS_PER_CACHE_LINE = 16

score, add_values = (product(TILES, accumulate=accumulate) for accumulate in (False, True))


@njit(fastmath=FASTMATH)
def new_workspace(n_tasks, size):
    """Scratch memory of all tasks, the offset of the first, and the stride: whole cache lines."""
    stride = -(-size // FLOATS_PER_CACHE_LINE) * FLOATS_PER_CACHE_LINE
    workspace = np.empty(n_tasks * stride + FLOATS_PER_CACHE_LINE, np.float32)
    return workspace, -(workspace.ctypes.data // 4) % FLOATS_PER_CACHE_LINE, stride


@njit(fastmath=FASTMATH)
def partition(n, thread, n_threads):
    """The range of items that this thread processes.

    Every parallel loop has exactly one iteration per thread: OpenMP parks idle threads, and waking
    them costs 0.5 ms.
    """
    return range(thread * n // n_threads, (thread + 1) * n // n_threads)


@njit(fastmath=FASTMATH)
def merge(o, o_offset, n, chunks, n_chunks, offsets):
    """Merge one output row from its chunks, each weighted by 2^(chunk_max - overall_max).

    Accumulates in the first chunk's slot, in whole vectors. Returns the natural log-sum-exp of the
    row's scores: what is kept of them here are powers of two.
    """
    (workspace, first, stride), (running_max, running_sum, acc) = chunks, offsets
    overall_max, denominator = NEG_INF, np.float32(0)
    for chunk in range(n_chunks):
        overall_max = max(overall_max, workspace[first + chunk * stride + running_max])
    for chunk in range(n_chunks):
        base = first + chunk * stride
        chunk_sum = workspace[base + running_sum]
        denominator += power_of_two(workspace[base + running_max] - overall_max) * chunk_sum
    for chunk in range(n_chunks):
        base = first + chunk * stride
        weight = power_of_two(workspace[base + running_max] - overall_max) / denominator
        if chunk == 0:
            scale_row(workspace, first + acc, -(-n // LANES) * LANES, weight)
        else:
            add_row(workspace, first + acc, base + acc, n, weight)
    store_row(o, o_offset, workspace, first + acc, n)
    return LN_2 * overall_max + np.log(denominator)
