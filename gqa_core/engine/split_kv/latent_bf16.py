"""One chunk of split-KV attention over latents by dot products of bfloat16 pairs.

The same algorithm, scratch memory and names as `latent_loop`, twice as fast, since arithmetic
bounds it: for scores two neighbours of an entry and of a query make a pair, for sums the weights
and the entries of two neighbouring tokens. Entries are multiplied as they are stored. Weights are
rounded to bfloat16.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.bf16_dots import add_values_bf16, copy_rows, score_bf16
from gqa_core.engine.split_kv.bf16_softmax import column_softmax_pairs
from gqa_core.engine.split_kv.chunks import NEG_INF, partition
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.rows import scale_row
from gqa_core.engine.split_kv.simd import load_f32, pointer_to
from gqa_core.engine.split_kv.vectors import LANES


@njit(fastmath=FASTMATH)
def attend_chunk_bf16(scratch, offsets, position, queries, scale, entries, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads."""
    (_, n_heads, c, r, s), (h, n_blocks, capacity) = shape, sizes
    row, chunk, n_chunks = position
    width, c_stored, n_pages = c + r, -(-c // LANES) * LANES, (s + PAGE - 1) // PAGE
    scores, acc, columns, running_max, running_sum, rescale, _ = offsets
    pairs = columns + (width + 1) // 2 * h  # of weights, behind those of queries
    last_pair = pairs + PAGE // 2 * h
    sequence, block, half_page = row // n_blocks, row % n_blocks, PAGE * width // 2
    n_rows = min(h, n_heads - block * h)
    scratch[acc:running_max] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:rescale] = 0
    (q_latent, q_rope), block_of_heads = queries, (sequence, block * h, n_rows)
    _load_query_pairs(scratch, (columns, h, 0), q_latent, c, block_of_heads, entries)
    _load_query_pairs(scratch, (columns, h, c), q_rope, r, block_of_heads, entries)
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        offset = (sequence * capacity + page * PAGE) * width
        keys, ahead = (entries, offset, width, 2), (entries, offset + PAGE * width, half_page)
        size = n_keys, h, width // 2
        score_bf16((scratch, scores, h), keys, (scratch, columns, h), size, ahead)
        if width % 2 == 1:
            _score_last_component(scratch, (scores, columns, h), keys, n_keys)
        for head in range(0, h, LANES):
            c_columns, c_pairs = (scratch, scores + head, h), (scratch, pairs + head, h)
            state = (scratch, running_max + head, 0), (scratch, running_sum + head, 0)
            factor = scratch, rescale + head, 0
            column_softmax_pairs(c_columns, c_pairs, n_keys, scale, *state, factor)
        for head in range(n_rows):
            if scratch[rescale + head] != 1:
                scale_row(scratch, acc + head * c_stored, c_stored, scratch[rescale + head])
        latents, b = (scratch, acc, c_stored), (entries, offset, width)
        # A row may be read past its last column, but the last row not past the end of the cache.
        n_pairs = n_keys // 2 if c_stored <= width else (n_keys - 1) // 2
        if n_pairs > 0:
            weights, ahead = (
                (scratch, pairs, 1, h),
                (entries, offset + PAGE * width + half_page, half_page),
            )
            add_values_bf16(latents, weights, b, (n_rows, c_stored, n_pairs), ahead)
        if 2 * n_pairs < n_keys:
            weights, rows = (scratch, pairs + n_pairs * h, 1, h), (2 * n_pairs, n_keys)
            b = copy_rows(scratch, last_pair, b, rows, (c, c_stored))
            add_values_bf16(latents, weights, b, (n_rows, c_stored, 1), (entries, 0, 0))


@njit(fastmath=FASTMATH)
def _load_query_pairs(scratch, pairs, q, n, block_of_heads, entries):
    """Load one part of the query, (address, strides), of n_rows heads into pairs that are zero.

    `pairs` is (offset, stride, number of components before this part); row i has components 2 i and
    2 i + 1.
    """
    (q_address, q_b, q_h), (sequence, first_head, n_rows) = q, block_of_heads
    (offset, step, n_before), start = pairs, sequence * q_b + first_head * q_h
    numbers = carray(pointer_to(q_address, entries[0]), start + (n_rows - 1) * q_h + n)
    halves = scratch.view(np.uint16)  # low half first
    for i in range(n):
        row = offset + (n_before + i) // 2 * step
        for head in range(n_rows):
            halves[2 * (row + head) + (n_before + i) % 2] = numbers[start + head * q_h + i]


@njit(fastmath=FASTMATH)
def _score_last_component(scratch, offsets, keys, n_keys):
    """Add the products of the last component, which is in no pair if the width is odd."""
    (scores, columns, h), (entries, offset, width, _), halves = (
        offsets,
        keys,
        scratch.view(np.uint16),
    )
    for key in range(n_keys):
        factor = load_f32((entries, offset + (key + 1) * width - 1, 0))
        for head in range(h):
            component = load_f32((halves, 2 * (columns + width // 2 * h + head), 0))
            scratch[scores + key * h + head] += factor * component
