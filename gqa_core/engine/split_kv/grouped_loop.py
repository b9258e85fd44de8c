"""The compiled loop of split-KV attention over grouped heads.

b batch, k K/V heads, g queries per K/V head, s cached tokens, d head_dim, v v_head_dim.

One lane of a vector is one key. K is stored in transposed pages, (d, 64), so that the scores of a
page are a product with nothing to sum across lanes; V is stored token by token. One page serves all
g queries while it is in the processor's cache.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit, prange, types
from numba.extending import overload

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
from gqa_core.engine.split_kv.grouped_bf16 import attend_chunk_bf16
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.rows import load_row, power_of_two, scale_row
from gqa_core.engine.split_kv.simd import pointer_to, row_exp2, row_max
from gqa_core.engine.split_kv.vectors import USES_BF16_DOT


@njit(fastmath=FASTMATH)
def _scratch_offsets(g, d, v_stored):
    """Offsets of scores, accumulated values, queries, running maxima, running sums; the size."""
    acc, queries = g * PAGE, g * (PAGE + v_stored)
    running_max = queries + max(g * d, g * PAGE // 2 + v_stored)  # or pairs in `grouped_bf16`
    return 0, acc, queries, running_max, running_max + g, running_max + 2 * g


@njit_cached
def grouped_loop(o_lse, o_witness, q_address, pages, values, scale, shape, strides, grid):
    """Attend with all heads of q, each K/V head's chunks in parallel; writes o (b, h, 1, v).

    `o_lse` are the addresses of o and of the log-sum-exps (b, h) in float32, 0 where nobody needs
    them. o has the type of `o_witness`, q that of `pages`.
    """
    (b, k, g, d, v, _), (q_b, q_h, _, _, v_stored), (n_chunks, n_threads) = shape, strides, grid
    o = carray(pointer_to(o_lse[0], o_witness), b * k * g * v)
    lse = carray(pointer_to(o_lse[1], np.float32(0)), b * k * g)
    q = carray(pointer_to(q_address, pages[0]), b * q_b + k * g * q_h)
    offsets = _scratch_offsets(g, d, v_stored)
    _, acc, _, running_max, running_sum, size = offsets
    n_tasks = b * k * n_chunks
    workspace, first, stride = new_workspace(n_tasks, size)
    for thread in prange(n_threads):
        for task in partition(n_tasks, thread, n_threads):
            scratch = workspace[first + task * stride : first + (task + 1) * stride]
            position = task // n_chunks, task % n_chunks, n_chunks
            factor = np.float32(scale)
            _attend_chunk(scratch, offsets, position, q, factor, pages, values, shape, strides)
    for thread in prange(n_threads):
        for row in partition(b * k * g, thread, n_threads):
            chunks = workspace, first + row // g * n_chunks * stride, stride
            query = row % g
            row_offsets = running_max + query, running_sum + query, acc + query * v_stored
            row_lse = merge(o, row * v, v, chunks, n_chunks, row_offsets)
            if o_lse[1]:
                lse[row] = row_lse


def _attend_chunk(scratch, offsets, position, q, scale, pages, values, shape, strides):
    """Attend over one chunk of one K/V head, with the g queries that share it."""
    raise NotImplementedError("numba compiles the form that `_choose_form` returns")


@overload(_attend_chunk, jit_options={"fastmath": FASTMATH})
def _choose_form(scratch, offsets, position, q, scale, pages, values, shape, strides):
    """The form for the cache's dtype: dot products of bfloat16 where they are fast."""

    def in_float32(scratch, offsets, position, q, scale, pages, values, shape, strides):
        attend_chunk(scratch, offsets, position, q, scale, pages, values, shape, strides)

    def in_bfloat16(scratch, offsets, position, q, scale, pages, values, shape, strides):
        attend_chunk_bf16(scratch, offsets, position, q, scale, pages, values, shape, strides)

    return in_bfloat16 if USES_BF16_DOT and pages.dtype == types.uint16 else in_float32


@njit(fastmath=FASTMATH)
def attend_chunk(scratch, offsets, position, q, scale, pages, values, shape, strides):
    """Attend over one chunk of one K/V head, with the g queries that share it."""
    (_, k, g, d, _, s), (q_b, q_h, head_keys, head_values, v_stored) = shape, strides
    (head, chunk, n_chunks), n_pages = position, (s + PAGE - 1) // PAGE
    scores, acc, queries, running_max, running_sum, end = offsets
    scratch[acc:queries] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:end] = 0
    for row in range(g):
        q_offset = head // k * q_b + (head % k * g + row) * q_h
        load_row(scratch, queries + row * d, q, q_offset, d, scale)
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        k_offset = head * head_keys + page * PAGE * d
        v_offset = head * head_values + page * PAGE * v_stored
        c, a = (scratch, scores, PAGE), (scratch, queries, d, 1)
        ahead = values, v_offset, PAGE * v_stored
        score(c, a, (pages, k_offset, PAGE), (g, PAGE, d), ahead)
        softmax_offsets = running_max, running_sum, scores, acc
        _online_softmax_page(scratch, softmax_offsets, n_keys, g, v_stored)
        weights, ahead = (scratch, scores, PAGE, 1), (pages, k_offset + PAGE * d, PAGE * d)
        b, size = (values, v_offset, v_stored), (g, v_stored, n_keys)
        add_values((scratch, acc, v_stored), weights, b, size, ahead)


@njit(fastmath=FASTMATH)
def _online_softmax_page(scratch, offsets, n_keys, g, v_stored):
    """Online softmax of one page: scores become weights in place.

    The running sums and accumulated values are rescaled to the new maximum.
    """
    running_max, running_sum, scores, acc = offsets
    for row in range(g):
        start = scores + row * PAGE
        for key in range(n_keys, PAGE):
            scratch[start + key] = NEG_INF
        old_max, page_max = scratch[running_max + row], row_max((scratch, start, 0))
        if page_max > old_max:
            rescale = power_of_two(old_max - page_max)
            scratch[running_sum + row] *= rescale
            scale_row(scratch, acc + row * v_stored, v_stored, rescale)
            scratch[running_max + row] = page_max
        weights_sum = row_exp2((scratch, start, 0), scratch[running_max + row])
        scratch[running_sum + row] += weights_sum
