"""The compiled loop of split-KV attention over latents (absorbed MLA).

b batch, h query heads, s cached tokens, c kv_lora_rank, r qk_rope_head_dim.

The cache is stored token by token and is K and, in its first c columns, V. For the scores one lane
is one head: the query is transposed to (c + r, h), and maxima and sums run down the keys. For the
weighted sums one lane is one column of the latent.
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
from gqa_core.engine.split_kv.latent_bf16 import attend_chunk_bf16
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.rows import scale_row
from gqa_core.engine.split_kv.simd import column_softmax, load_f32, pointer_to, upcast
from gqa_core.engine.split_kv.vectors import LANES, USES_BF16_DOT


@njit(fastmath=FASTMATH)
def _scratch_offsets(h, c, r, c_stored):
    """Offsets of scores, accumulated latents, query columns, and per head the running maximum,
    the running sum and the rescale factor; the size.
    """
    acc, columns = PAGE * h, (PAGE + c_stored) * h
    n_pairs = (c + r + 1) // 2 + PAGE // 2  # in `latent_bf16`
    running_max = columns + max((c + r) * h, n_pairs * h + c_stored)
    return 0, acc, columns, running_max, running_max + h, running_max + 2 * h, running_max + 3 * h


@njit_cached
def latent_loop(o_lse, o_witness, q_latent, q_rope, entries, scale, shape, sizes, grid):
    """Attend with all heads in blocks of `h`, each block's chunks in parallel.

    Writes o (b, n_heads, 1, c), which has the type of `o_witness`; `o_lse` as in `grouped_loop`.
    `wide` holds the entries as float32 and may be read up to one vector past the end: the cache
    itself, or a page copied to scratch memory.
    """
    (b, n_heads, c, r, _), (h, n_blocks, _), (n_chunks, n_threads) = shape, sizes, grid
    o = carray(pointer_to(o_lse[0], o_witness), b * n_heads * c)
    lse = carray(pointer_to(o_lse[1], np.float32(0)), b * n_heads)
    c_stored = -(-c // LANES) * LANES
    is_wide = entries.itemsize == 4 and c_stored == c
    offsets = _scratch_offsets(h, c, r, c_stored)
    _, acc, _, running_max, running_sum, _, size = offsets
    n_tasks = b * n_blocks * n_chunks
    page_size = 0 if is_wide else PAGE * (c + r) + LANES
    workspace, first, stride = new_workspace(n_tasks, size + page_size)
    base = entries.ctypes.data if is_wide else workspace.ctypes.data
    wide_size = entries.size if is_wide else workspace.size
    wide = carray(pointer_to(base, np.float32(0)), wide_size)
    for thread in prange(n_threads):
        for task in partition(n_tasks, thread, n_threads):
            scratch = workspace[first + task * stride : first + (task + 1) * stride]
            position = task // n_chunks, task % n_chunks, n_chunks
            wide_page = wide, -1 if is_wide else first + task * stride + size
            q, factor = (q_latent, q_rope), np.float32(scale)
            _attend_chunk(scratch, offsets, position, q, factor, entries, wide_page, shape, sizes)
    for thread in prange(n_threads):
        for row in partition(b * n_heads, thread, n_threads):
            block, head = row // n_heads * n_blocks + row % n_heads // h, row % n_heads % h
            chunks = workspace, first + block * n_chunks * stride, stride
            row_offsets = running_max + head, running_sum + head, acc + head * c_stored
            row_lse = merge(o, row * c, c, chunks, n_chunks, row_offsets)
            if o_lse[1]:
                lse[row] = row_lse


def _attend_chunk(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads."""
    raise NotImplementedError("numba compiles the form that `_choose_form` returns")


@overload(_attend_chunk, jit_options={"fastmath": FASTMATH})
def _choose_form(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes):
    """The form for the cache's dtype: dot products of bfloat16 where they are fast."""

    def in_float32(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes):
        attend_chunk(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes)

    def in_bfloat16(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes):
        attend_chunk_bf16(scratch, offsets, position, queries, scale, entries, shape, sizes)

    return in_bfloat16 if USES_BF16_DOT and entries.dtype == types.uint16 else in_float32


@njit(fastmath=FASTMATH)
def attend_chunk(scratch, offsets, position, queries, scale, entries, wide_page, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads.

    `wide_page` is (wide, offset of the copied page), the offset -1 if `wide` is the cache itself.
    """
    (_, n_heads, c, r, s), (h, n_blocks, capacity) = shape, sizes
    row, chunk, n_chunks = position
    width, c_stored, n_pages = c + r, -(-c // LANES) * LANES, (s + PAGE - 1) // PAGE
    scores, acc, columns, running_max, running_sum, rescale, _ = offsets
    sequence, block, half_page = row // n_blocks, row % n_blocks, PAGE * width // 2
    wide, page_offset = wide_page
    n_rows = min(h, n_heads - block * h)
    scratch[acc:running_max] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:rescale] = 0
    (q_latent, q_rope), block_of_heads = queries, (sequence, block * h, n_rows)
    _load_query_columns(scratch, columns, h, q_latent, c, block_of_heads, scale, entries)
    _load_query_columns(scratch, columns + c * h, h, q_rope, r, block_of_heads, scale, entries)
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        offset = (sequence * capacity + page * PAGE) * width
        wide_offset = offset if page_offset < 0 else page_offset
        if page_offset >= 0:
            _upcast_page(wide, wide_offset, entries, offset, n_keys * width)
        ahead = entries, offset + PAGE * width, half_page
        keys, size = (wide, wide_offset, width, 1), (n_keys, h, width)
        score((scratch, scores, h), keys, (scratch, columns, h), size, ahead)
        # Inline, since LLVM unrolls this loop within a function of its own, which is 4% slower.
        for head in range(0, h, LANES):
            state = (scratch, running_max + head, 0), (scratch, running_sum + head, 0)
            factor = scratch, rescale + head, 0
            column_softmax((scratch, scores + head, h), n_keys, *state, factor)
        for head in range(n_rows):
            if scratch[rescale + head] != 1:
                scale_row(scratch, acc + head * c_stored, c_stored, scratch[rescale + head])
        ahead = entries, offset + PAGE * width + half_page, half_page
        weights, size = (scratch, scores, 1, h), (n_rows, c_stored, n_keys)
        add_values((scratch, acc, c_stored), weights, (wide, wide_offset, width), size, ahead)


@njit(fastmath=FASTMATH)
def _load_query_columns(scratch, offset, step, q, n, block_of_heads, scale, entries):
    """Load one part of the query, (address, strides), of n_rows heads: row i has component i."""
    (q_address, q_b, q_h), (sequence, first_head, n_rows) = q, block_of_heads
    start = sequence * q_b + first_head * q_h
    numbers = carray(pointer_to(q_address, entries[0]), start + (n_rows - 1) * q_h + n)
    for i in range(n):
        for head in range(n_rows):
            component = load_f32((numbers, start + head * q_h + i, 0))
            scratch[offset + i * step + head] = component * scale


@njit(fastmath=FASTMATH)
def _upcast_page(wide, wide_offset, entries, offset, n):
    """Copy n numbers of the cache as float32."""
    n_whole = n - n % LANES
    for i in range(0, n_whole, LANES):
        upcast((wide, wide_offset + i, 0), (entries, offset + i, 0))
    for i in range(n_whole, n):
        wide[wide_offset + i] = load_f32((entries, offset + i, 0))
