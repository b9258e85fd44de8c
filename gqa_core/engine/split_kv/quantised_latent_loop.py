"""The compiled loop of split-KV attention over latents (absorbed MLA) stored as codes of 8 bits.

b batch, h query heads, s cached tokens, c kv_lora_rank, r qk_rope_head_dim.

As `latent_loop`, with the entries of a page copied to scratch memory as float32. Many heads read
that copy, so there the codes are multiplied by the scale of their token: once per page.
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
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.quantised_latent_bf16 import attend_chunk_bf16
from gqa_core.engine.split_kv.rows import load_row, scale_row
from gqa_core.engine.split_kv.simd import column_softmax, pointer_to
from gqa_core.engine.split_kv.vectors import LANES


@njit(fastmath=FASTMATH)
def _scratch_offsets(h, c, r, c_stored):
    """Offsets of scores, accumulated latents, query columns, and per head the running maximum,
    the running sum and the rescale factor; of the page in float32; the size.
    """
    acc, columns = PAGE * h, (PAGE + c_stored) * h
    n_pairs = (c + r + 1) // 2 + PAGE // 2  # in `quantised_latent_bf16`
    running_max = columns + max(c + r, n_pairs) * h
    page = running_max + 3 * h
    size = page + PAGE * (c + r) + LANES
    return 0, acc, columns, running_max, running_max + h, running_max + 2 * h, page, size


@njit_cached
def quantised_latent_loop(
    o_address, q_witness, q_latent, q_rope, codes, scales, factors, shape, sizes, grid
):
    """Attend with all heads in blocks of `h`, each block's chunks in parallel.

    Writes o (b, n_heads, 1, c), in float32; the queries have the type of `q_witness`. `scales` has
    one per slot, and `factors` are what the scores and the entries are multiplied by besides.
    """
    (b, n_heads, c, r, _), (h, n_blocks, _), (n_chunks, n_threads) = shape, sizes, grid
    o = carray(pointer_to(o_address, np.float32(0)), b * n_heads * c)
    c_stored = -(-c // LANES) * LANES
    offsets = _scratch_offsets(h, c, r, c_stored)
    _, acc, _, running_max, running_sum, _, _, size = offsets
    n_tasks = b * n_blocks * n_chunks
    workspace, first, stride = new_workspace(n_tasks, size)
    for thread in prange(n_threads):
        for task in partition(n_tasks, thread, n_threads):
            scratch = workspace[first + task * stride : first + (task + 1) * stride]
            position = task // n_chunks, task % n_chunks, n_chunks
            queries, entries = (q_latent, q_rope), (codes, scales)
            _attend_chunk(
                q_witness, scratch, offsets, position, queries, entries, factors, shape, sizes
            )
    for thread in prange(n_threads):
        for row in partition(b * n_heads, thread, n_threads):
            block, head = row // n_heads * n_blocks + row % n_heads // h, row % n_heads % h
            chunks = workspace, first + block * n_chunks * stride, stride
            row_offsets = running_max + head, running_sum + head, acc + head * c_stored
            merge(o, row * c, c, chunks, n_chunks, row_offsets)


def _attend_chunk(q_witness, scratch, offsets, position, queries, entries, factors, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads."""
    raise NotImplementedError("numba compiles the form that `_choose_form` returns")


@overload(_attend_chunk, jit_options={"fastmath": FASTMATH})
def _choose_form(q_witness, scratch, offsets, position, queries, entries, factors, shape, sizes):
    """The form for the queries' type: dot products where they are passed as bfloat16."""

    def in_float32(q_witness, scratch, offsets, position, queries, entries, factors, shape, sizes):
        attend_chunk(scratch, offsets, position, queries, entries, factors, shape, sizes)

    def in_bfloat16(q_witness, scratch, offsets, position, queries, entries, factors, shape, sizes):
        attend_chunk_bf16(scratch, offsets, position, queries, entries, factors, shape, sizes)

    return in_bfloat16 if q_witness == types.uint16 else in_float32


@njit(fastmath=FASTMATH)
def attend_chunk(scratch, offsets, position, queries, entries, factors, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads."""
    (_, n_heads, c, r, s), (h, n_blocks, capacity) = shape, sizes
    row, chunk, n_chunks = position
    width, c_stored, n_pages = c + r, -(-c // LANES) * LANES, (s + PAGE - 1) // PAGE
    scores, acc, columns, running_max, running_sum, rescale, wide, _ = offsets
    sequence, block, half_page = row // n_blocks, row % n_blocks, PAGE * width // 2
    n_rows = min(h, n_heads - block * h)
    scratch[acc:running_max] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:rescale] = 0
    for head in range(n_rows):
        (q_latent, q_rope), index = queries, (sequence, block * h + head)
        _load_query_column(scratch, columns + head, h, q_latent, c, index, factors[0])
        _load_query_column(scratch, columns + c * h + head, h, q_rope, r, index, factors[0])
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        slot = sequence * capacity + page * PAGE
        _dequantise_page(scratch, wide, entries, slot, n_keys, width, factors[1])
        keys, size = (scratch, wide, width, 1), (n_keys, h, width)
        ahead = entries[0], (slot + PAGE) * width, half_page
        score((scratch, scores, h), keys, (scratch, columns, h), size, ahead)
        # Inline, since LLVM unrolls this loop within a function of its own, which is slower.
        for head in range(0, h, LANES):
            state = (scratch, running_max + head, 0), (scratch, running_sum + head, 0)
            factor = scratch, rescale + head, 0
            column_softmax((scratch, scores + head, h), n_keys, *state, factor)
        for head in range(n_rows):
            if scratch[rescale + head] != 1:
                scale_row(scratch, acc + head * c_stored, c_stored, scratch[rescale + head])
        ahead = entries[0], (slot + PAGE) * width + half_page, half_page
        weights, size = (scratch, scores, 1, h), (n_rows, c_stored, n_keys)
        add_values((scratch, acc, c_stored), weights, (scratch, wide, width), size, ahead)


@njit(fastmath=FASTMATH)
def _load_query_column(scratch, offset, step, q, n, index, scale):
    """Load one head's part of the query, (address, strides), as a column of stride `step`."""
    (q_address, q_b, q_h), (sequence, head) = q, index
    start = sequence * q_b + head * q_h
    numbers = carray(pointer_to(q_address, np.float32(0)), start + n)
    for i in range(n):
        scratch[offset + i * step] = numbers[start + i] * scale


@njit(fastmath=FASTMATH)
def _dequantise_page(scratch, wide, entries, slot, n_keys, width, factor):
    """Copy the entries of n_keys tokens from `slot` on as float32, times scale and factor."""
    codes, scales = entries
    for key in range(n_keys):
        source, target = (slot + key) * width, wide + key * width
        load_row(scratch, target, codes, source, width, scales[slot + key] * factor)
