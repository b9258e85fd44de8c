"""One chunk of split-KV attention over codes of latents by dot products of bfloat16 pairs.

As `latent_bf16`, over the entries of a page that were dequantised to bfloat16 in scratch memory:
the numbers that a cache of bfloat16 queries stands for. All heads of a block share that copy.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.bf16_dots import add_values_bf16, score_bf16
from gqa_core.engine.split_kv.bf16_softmax import column_softmax_pairs
from gqa_core.engine.split_kv.chunks import NEG_INF, partition
from gqa_core.engine.split_kv.latent_bf16 import _load_query_pairs
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.quantised_simd import bf16_scaled
from gqa_core.engine.split_kv.rows import scale_row
from gqa_core.engine.split_kv.simd import load_f32, store_rounded
from gqa_core.engine.split_kv.vectors import LANES


@njit(fastmath=FASTMATH)
def attend_chunk_bf16(scratch, offsets, position, queries, entries, factors, shape, sizes):
    """Attend over one chunk of one sequence, with a block of heads."""
    (_, n_heads, c, r, s), (h, n_blocks, capacity) = shape, sizes
    row, chunk, n_chunks = position
    width, c_stored, n_pages = c + r, -(-c // LANES) * LANES, (s + PAGE - 1) // PAGE
    scores, acc, columns, running_max, running_sum, rescale, page_offset, _ = offsets
    width_even, halves, wide = width + width % 2, scratch.view(np.uint16), 2 * page_offset
    pairs = columns + width_even // 2 * h  # of weights, behind those of queries
    sequence, block, half_page = row // n_blocks, row % n_blocks, PAGE * width // 2
    n_rows = min(h, n_heads - block * h)
    scratch[acc:running_max] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:rescale] = 0
    (q_latent, q_rope), block_of_heads = queries, (sequence, block * h, n_rows)
    _load_query_pairs(scratch, (columns, h, 0), q_latent, c, block_of_heads, halves)
    _load_query_pairs(scratch, (columns, h, c), q_rope, r, block_of_heads, halves)
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        slot = sequence * capacity + page * PAGE
        _dequantise_page(halves, wide, entries, slot, n_keys, width, factors[1])
        keys, size = (halves, wide, width_even, 2), (n_keys, h, width_even // 2)
        ahead = entries[0], (slot + PAGE) * width, half_page
        score_bf16((scratch, scores, h), keys, (scratch, columns, h), size, ahead)
        for head in range(0, h, LANES):
            c_columns, c_pairs = (scratch, scores + head, h), (scratch, pairs + head, h)
            state = (scratch, running_max + head, 0), (scratch, running_sum + head, 0)
            factor = scratch, rescale + head, 0
            column_softmax_pairs(c_columns, c_pairs, n_keys, factors[0], *state, factor)
        for head in range(n_rows):
            if scratch[rescale + head] != 1:
                scale_row(scratch, acc + head * c_stored, c_stored, scratch[rescale + head])
        ahead = entries[0], (slot + PAGE) * width + half_page, half_page
        weights, b = (scratch, pairs, 1, h), (halves, wide, width_even)
        size = n_rows, c_stored, (n_keys + 1) // 2
        add_values_bf16((scratch, acc, c_stored), weights, b, size, ahead)


@njit(fastmath=FASTMATH)
def _dequantise_page(halves, wide, entries, slot, n_keys, width, factor):
    """Copy the entries of n_keys tokens from `slot` on as bfloat16, times scale and factor.

    A last column, and a last row, that only completes pairs is 0.
    """
    codes, scales = entries
    n_whole, width_even = width - width % LANES, width + width % 2
    if n_keys % 2 == 1:
        halves[wide + n_keys * width_even : wide + (n_keys + 1) * width_even] = 0
    for key in range(n_keys):
        scale = scales[slot + key] * factor
        source, target = (slot + key) * width, wide + key * width_even
        halves[target + width_even - 1] = 0
        for i in range(0, n_whole, LANES):
            bf16_scaled((halves, target + i, 0), (codes, source + i, 0), scale)
        for i in range(n_whole, width):
            store_rounded((halves, target + i, 0), load_f32((codes, source + i, 0)) * scale)
