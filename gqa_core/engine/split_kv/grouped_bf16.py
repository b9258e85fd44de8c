"""One chunk of split-KV attention over grouped heads by dot products of bfloat16 pairs.

The same algorithm, scratch memory and names as `grouped_loop`, twice as fast where arithmetic
bounds: for scores two neighbours of a query and two rows of a page of K make a pair, for sums the
weights and the values of two neighbouring tokens. Weights are rounded to bfloat16. While a page of
K is multiplied, the next page of K is prefetched, and so is V: as this takes half the time, a
prefetch that is half as far ahead comes too late (2.0 to 1.9 ms for MHA on 2 EPYC cores).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.bf16_dots import add_values_bf16, copy_rows, score_bf16
from gqa_core.engine.split_kv.bf16_softmax import row_exp2_pairs, row_scale_max
from gqa_core.engine.split_kv.chunks import NEG_INF, partition
from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.rows import power_of_two, scale_row
from gqa_core.engine.split_kv.simd import load_f32


@njit(fastmath=FASTMATH)
def attend_chunk_bf16(scratch, offsets, position, q, scale, pages, values, shape, strides):
    """Attend over one chunk of one K/V head, with the g queries that share it."""
    (_, k, g, d, _, s), (q_b, q_h, head_keys, head_values, v_stored) = shape, strides
    (head, chunk, n_chunks), n_pages = position, (s + PAGE - 1) // PAGE
    scores, acc, pairs, running_max, running_sum, end = offsets  # queries are read where they are
    last_pair = pairs + g * PAGE // 2
    scratch[acc:pairs] = 0
    scratch[running_max:running_sum] = NEG_INF
    scratch[running_sum:end] = 0
    a = q, head // k * q_b + head % k * g * q_h, q_h, 2
    for page in partition(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        k_offset = head * head_keys + page * PAGE * d
        v_offset = head * head_values + page * PAGE * v_stored
        c, b, size = (scratch, scores, PAGE), (pages, k_offset, PAGE), (g, PAGE, d // 2)
        if d > 1:
            score_bf16(c, a, b, size, (pages, k_offset + PAGE * d, PAGE * d))
        if d % 2 == 1:
            _score_last_component(c, a, b, g, d)
        softmax_offsets = running_max, running_sum, scores, acc, pairs
        _online_softmax_page(scratch, softmax_offsets, scale, n_keys, g, v_stored)
        c, b = (scratch, acc, v_stored), (values, v_offset, v_stored)
        if n_keys > 1:
            weights, size = (scratch, pairs, PAGE // 2, 1), (g, v_stored, n_keys // 2)
            add_values_bf16(
                c, weights, b, size, (values, v_offset + PAGE * v_stored, PAGE * v_stored)
            )
        if n_keys % 2 == 1:
            weights, last = (scratch, pairs + n_keys // 2, PAGE // 2, 1), (n_keys - 1, n_keys)
            b = copy_rows(scratch, last_pair, b, last, (v_stored, v_stored))
            add_values_bf16(c, weights, b, (g, v_stored, 1), (pages, 0, 0))


@njit(fastmath=FASTMATH)
def _score_last_component(c, a, b, g, d):
    """Add the products of the last component, which is in no pair if d is odd."""
    (scores, c_offset, c_stride), (q, a_offset, q_h, _), (pages, b_offset, b_stride) = c, a, b
    for row in range(g):
        factor = load_f32((q, a_offset + row * q_h + d - 1, 0))
        for key in range(PAGE):
            product = factor * load_f32((pages, b_offset + (d - 1) * b_stride + key, 0))
            previous = scores[c_offset + row * c_stride + key] if d > 1 else np.float32(0)
            scores[c_offset + row * c_stride + key] = previous + product


@njit(fastmath=FASTMATH)
def _online_softmax_page(scratch, offsets, scale, n_keys, g, v_stored):
    """Online softmax of one page: scores become weights in place, and pairs of weights.

    The running sums and accumulated values are rescaled to the new maximum.
    """
    running_max, running_sum, scores, acc, pairs = offsets
    for row in range(g):
        start = scores + row * PAGE
        for key in range(n_keys, PAGE):
            scratch[start + key] = scratch[start]  # changes no maximum
        page_max = row_scale_max((scratch, start, 0), scale)
        for key in range(n_keys, PAGE):
            scratch[start + key] = NEG_INF
        old_max = scratch[running_max + row]
        if page_max > old_max:
            rescale = power_of_two(old_max - page_max)
            scratch[running_sum + row] *= rescale
            scale_row(scratch, acc + row * v_stored, v_stored, rescale)
            scratch[running_max + row] = page_max
        row_pairs = scratch, pairs + row * PAGE // 2, 0
        weights_sum = row_exp2_pairs((scratch, start, 0), row_pairs, scratch[running_max + row])
        scratch[running_sum + row] += weights_sum
