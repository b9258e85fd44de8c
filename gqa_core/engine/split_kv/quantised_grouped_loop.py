"""The compiled loop of split-KV attention over grouped heads whose K and V are codes of 8 bits.

b batch, k K/V heads, g queries per K/V head, s cached tokens, d head_dim, v v_head_dim.

As `grouped_loop`, one lane is one key and one page serves all g queries. Codes become float32 in
registers, where they are multiplied. The scale of a key or value is the same for its whole vector,
so it is applied once per key: scores are multiplied by the scale of K, and weights, once they are
summed, by that of V. Both scales are stored in whole pages of 64.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit, prange

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.chunks import (
    NEG_INF,
    add_values,
    merge,
    new_workspace,
    partition,
    score,
)
from gqa_core.engine.split_kv.compile_cache import njit_cached
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.quantised_simd import row_scale
from gqa_core.engine.split_kv.simd import pointer_to, row_exp2, row_max


@njit(fastmath=FASTMATH)
def _scratch_offsets(g, d, v_stored):
    """Offsets of scores, accumulated values, queries, running maxima, running sums; the size."""
    acc, queries = g * PAGE, g * (PAGE + v_stored)
    running_max = queries + g * d
    return 0, acc, queries, running_max, running_max + g, running_max + 2 * g


@njit_cached
def quantised_grouped_loop(o_q, codes, scales, factors, shape, strides, grid):
    """Attend with all heads of q, each K/V head's chunks in parallel; writes o (b, h, 1, v).

    `o_q` are the addresses of o and q, in float32; `codes` and `scales` are those of K and of V,
    and `factors` what the scores and the values are multiplied by besides.
    """
    (b, k, g, d, v, _), (q_b, q_h, _, _, v_stored), (n_chunks, n_threads) = shape, strides, grid
    o = carray(pointer_to(o_q[0], np.float32(0)), b * k * g * v)
    q = carray(pointer_to(o_q[1], np.float32(0)), b * q_b + k * g * q_h)
    _, acc, _, running_max, running_sum, size = _scratch_offsets(g, d, v_stored)
    n_tasks = b * k * n_chunks
    workspace, first, stride = new_workspace(n_tasks, size)
    for thread in prange(n_threads):
        for task in partition(n_tasks, thread, n_threads):
            scratch = workspace[first + task * stride : first + (task + 1) * stride]
            position = task // n_chunks, task % n_chunks, n_chunks
            _attend_chunk(scratch, position, q, codes, scales, factors, shape, strides)
    for thread in prange(n_threads):
        for row in partition(b * k * g, thread, n_threads):
            chunks = workspace, first + row // g * n_chunks * stride, stride
            query = row % g
            offsets = running_max + query, running_sum + query, acc + query * v_stored
            merge(o, row * v, v, chunks, n_chunks, offsets)


@njit(fastmath=FASTMATH)
def _attend_chunk(scratch, position, q, codes, scales, factors, shape, strides):
    """Attend over one chunk of one K/V head, with the g queries that share it."""
    (_, k, g, d, _, s), (q_b, q_h, head_keys, head_values, v_stored) = shape, strides
    (head, chunk, n_chunks), n_pages = position, (s + PAGE - 1) // PAGE
    (pages, values), (k_scales, v_scales) = codes, scales
    scores, acc, queries, running_max, running_sum, end = _scratch_offsets(g, d, v_stored)
    scratch[acc:queries] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:end] = 0
    for row in range(g):
        q_offset = head // k * q_b + (head % k * g + row) * q_h
        for i in range(d):
            scratch[queries + row * d + i] = q[q_offset + i] * factors[0]
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        k_offset = head * head_keys + page * PAGE * d
        v_offset = head * head_values + page * PAGE * v_stored
        c, a = (scratch, scores, PAGE), (scratch, queries, d, 1)
        ahead = values, v_offset, PAGE * v_stored
        score(c, a, (pages, k_offset, PAGE), (g, PAGE, d), ahead)
        offsets = running_max, running_sum, scores, acc
        page_scales = k_scales, v_scales, k_offset // d, factors[1]
        _online_softmax_page(scratch, offsets, page_scales, n_keys, g, v_stored)
        weights, ahead = (scratch, scores, PAGE, 1), (pages, k_offset + PAGE * d, PAGE * d)
        b, size = (values, v_offset, v_stored), (g, v_stored, n_keys)
        add_values((scratch, acc, v_stored), weights, b, size, ahead)


@njit(fastmath=FASTMATH)
def _online_softmax_page(scratch, offsets, page_scales, n_keys, g, v_stored):
    """Online softmax of one page: products become scores, then weights of codes, in place.

    The running sums, which count the weights alone, and accumulated values are rescaled to the new
    maximum.
    """
    (running_max, running_sum, scores, acc), (k_scales, v_scales, first, factor) = (
        offsets,
        page_scales,
    )
    for row in range(g):
        start = scores + row * PAGE
        row_scale((scratch, start, 0), (k_scales, first, 0), np.float32(1))
        for key in range(n_keys, PAGE):
            scratch[start + key] = NEG_INF
        old_max, page_max = scratch[running_max + row], row_max((scratch, start, 0))
        if page_max > old_max:
            rescale = np.float32(2.0) ** (old_max - page_max)
            scratch[running_sum + row] *= rescale
            for column in range(acc + row * v_stored, acc + (row + 1) * v_stored):
                scratch[column] *= rescale
            scratch[running_max + row] = page_max
        weights_sum = row_exp2((scratch, start, 0), scratch[running_max + row])
        scratch[running_sum + row] += weights_sum
        row_scale((scratch, start, 0), (v_scales, first, 0), factor)
