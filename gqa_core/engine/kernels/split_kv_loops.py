"""Split-KV attention of one query token: the plain form, and the same compiled (flash-decoding).

b batch, k K/V heads, g queries per K/V head, h = k g, s cached tokens, d width of a key, v of a
value, c kv_lora_rank, r qk_rope_head_dim.

A decode step does little arithmetic for each byte it reads, so every byte must be read once, in
order, by all cores at the same time, and serve all its queries while it is near:

* the context is split into chunks, one task each for a thread; a task walks its chunk page by page
  (64 tokens) and keeps an online softmax: the largest score so far, the sum of weights, the
  weighted sum of values. At the end the chunks of a head are merged, each weighed by how far its
  largest score is below the largest of all. `plain_split_kv` is this and nothing else.
* grouped: one lane of a vector is one key. K lies in pages stored transposed, (d, 64), so that a
  page's scores are a product with nothing to sum across lanes; V lies as it is. One page serves all
  g queries while it is in the processor's cache.
* latent: the cache lies as it is and is K and, in its first c columns, V. For the scores one lane
  is one head: the query is transposed to (c + r, h), and largest scores and sums run down the keys.
* while a page is multiplied, the next one is asked for from memory, evenly: asked for at once, it
  keeps what is multiplied from coming near.

Arithmetic is in float32 whatever the cache holds. The scale that comes in has log2(e) folded in, so
that weights are powers of two. The vector instructions are in `simd`.

Measured gains on 2 Xeon cores with AVX-512, 16,384 tokens, 32 heads of 128, float32: asking for the
next page 8.5 to 3.4 ms (8 K/V heads), and evenly 1.25 to 1.10 ms (one K/V head); vectors for the
softmax 1.22 to 1.01 ms (one K/V head); weighted sums of latents with a lane a column, not a head,
2.6 to 2.3 ms (16 heads, of 512 + 64).
Source: FlashAttention-2 (arXiv:2307.08691), section 3.1, for the online softmax.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import carray, njit, prange
from torch import Tensor

from gqa_core.engine.kernels.compile_cache import cached_compile
from gqa_core.engine.kernels.products import EXACT, product
from gqa_core.engine.kernels.simd import (
    column_softmax,
    number,
    pointer_to,
    row_exp2,
    row_max,
    widen,
)
from gqa_core.engine.kernels.vectors import LANES, TILES
from gqa_core.engine.key_layouts import PAGE

LOWEST = np.float32(-1e30)  # below any score, and finite: it can be subtracted from itself
LINE = 16  # float32 numbers in a line of the processor's cache


def plain_split_kv(q: Tensor, k: Tensor, v: Tensor, scale: float, n_chunks: int) -> Tensor:
    """Output (b, k, g, v) of q (b, k, g, d) over k (b, k, s, d) and v (b, k, s, v), plainly."""
    parts = []
    for keys, values in zip(k.chunk(n_chunks, dim=2), v.chunk(n_chunks, dim=2), strict=True):
        top = q.new_full((*q.shape[:3], 1), -math.inf)
        total, o = torch.zeros_like(top), q.new_zeros(*q.shape[:3], v.shape[3])
        for key, value in zip(keys.split(PAGE, dim=2), values.split(PAGE, dim=2), strict=True):
            scores = q @ key.transpose(-1, -2) * scale
            now = torch.maximum(top, scores.amax(dim=-1, keepdim=True))
            keep, weights = torch.exp(top - now), torch.exp(scores - now)
            total = total * keep + weights.sum(dim=-1, keepdim=True)
            o, top = o * keep + weights @ value, now
        parts.append((top, total, o))
    top = torch.stack([top for top, _, _ in parts]).amax(dim=0)
    total = sum(total * torch.exp(mine - top) for mine, total, _ in parts)
    return sum(o * torch.exp(mine - top) for mine, _, o in parts) / total


_score, _add_values = (product(TILES, adds=adds) for adds in (False, True))


@njit(fastmath=EXACT)
def _workspace(n_tasks, room):
    """Room for all tasks, where the first one's begins and how much each has: whole lines."""
    room = -(-room // LINE) * LINE
    scratch = np.empty(n_tasks * room + LINE, np.float32)
    return scratch, -(scratch.ctypes.data // 4) % LINE, room


@njit(fastmath=EXACT)
def _merge(o, o_at, n, chunks, n_chunks, at):
    """The n numbers of a row from all its chunks, each as far below the largest score as it is."""
    (scratch, first, room), (top, total, summed) = chunks, at
    largest, whole = LOWEST, np.float32(0)
    for chunk in range(n_chunks):
        largest = max(largest, scratch[first + chunk * room + top])
    for chunk in range(n_chunks):
        mine = first + chunk * room
        whole += np.float32(2.0) ** (scratch[mine + top] - largest) * scratch[mine + total]
    for chunk in range(n_chunks):
        mine = first + chunk * room
        part = np.float32(2.0) ** (scratch[mine + top] - largest) / whole
        for i in range(n):
            before = o[o_at + i] if chunk > 0 else np.float32(0)
            o[o_at + i] = before + part * scratch[mine + summed + i]


@njit(fastmath=EXACT)
def _soften(mine, at, n_keys, g, v):
    """Scores of a page to weights, row by row; what was summed before is scaled along."""
    top, total, scores, o = at
    for row in range(g):
        start = scores + row * PAGE
        for key in range(n_keys, PAGE):
            mine[start + key] = LOWEST
        before, largest = mine[top + row], row_max((mine, start, 0))
        if largest > before:
            keep = np.float32(2.0) ** (before - largest)
            mine[total + row] *= keep
            for column in range(o + row * v, o + (row + 1) * v):
                mine[column] *= keep
            mine[top + row] = largest
        mine[total + row] += row_exp2((mine, start, 0), mine[top + row])


@cached_compile
def grouped_loop(o_at, q_at, pages, values, scale, shape, strides, n_chunks):
    """All heads of q, each K/V head's chunks side by side, into o (b, h, 1, v)."""
    (b, k, g, d, v, s), (q_b, q_h, head_keys, head_values, stored) = shape, strides
    scale = np.float32(scale)
    o = carray(pointer_to(o_at, np.float32(0)), b * k * g * v)
    q = carray(pointer_to(q_at, pages[0]), b * q_b + k * g * q_h)
    scores, summed, queries = 0, g * PAGE, g * (PAGE + stored)
    top, total = queries + g * d, queries + g * (d + 1)
    n_pages, n_tasks = (s + PAGE - 1) // PAGE, b * k * n_chunks
    scratch, first, room = _workspace(n_tasks, total + g)
    for task in prange(n_tasks):
        head, chunk = task // n_chunks, task % n_chunks
        mine = scratch[first + task * room : first + (task + 1) * room]
        mine[summed:queries] = 0
        mine[top:total] = LOWEST
        mine[total : total + g] = 0
        for row in range(g):
            at = head // k * q_b + (head % k * g + row) * q_h
            for i in range(d):
                mine[queries + row * d + i] = number((q, at + i, 0)) * scale
        for page in range(chunk * n_pages // n_chunks, (chunk + 1) * n_pages // n_chunks):
            n_keys = min(PAGE, s - page * PAGE)
            keys_at = head * head_keys + page * PAGE * d
            values_at = head * head_values + page * PAGE * stored
            to_scores, from_q = (mine, scores, PAGE), (mine, queries, d, 1)
            soon = (values, values_at, PAGE * stored)
            _score(to_scores, from_q, (pages, keys_at, PAGE), (g, PAGE, d), soon)
            _soften(mine, (top, total, scores, summed), n_keys, g, stored)
            weights, soon = (mine, scores, PAGE, 1), (pages, keys_at + PAGE * d, PAGE * d)
            from_v, size = (values, values_at, stored), (g, stored, n_keys)
            _add_values((mine, summed, stored), weights, from_v, size, soon)
    for row in prange(b * k * g):
        chunks = (scratch, first + row // g * n_chunks * room, room)
        here = row % g
        _merge(o, row * v, v, chunks, n_chunks, (top + here, total + here, summed + here * stored))


@cached_compile
def latent_loop(o_at, q_latent, q_rope, entries, scale, shape, sizes):
    """All heads of q in blocks of `h`, each block's chunks side by side, into o (b, heads, 1, c).

    `wide` is where the entries lie in float32 and may be read a vector too far: in the cache, or a
    page at a time in `scratch`.
    """
    (b, n_heads, c, r, s), (h, n_blocks, capacity, n_chunks) = shape, sizes
    o = carray(pointer_to(o_at, np.float32(0)), b * n_heads * c)
    width, stored, scale = c + r, -(-c // LANES) * LANES, np.float32(scale)
    is_wide = entries.itemsize == 4 and stored == c
    scores, summed, columns = 0, PAGE * h, (PAGE + stored) * h
    top = columns + width * h
    total, keep, page_at = top + h, top + 2 * h, top + 3 * h
    n_pages, n_tasks = (s + PAGE - 1) // PAGE, b * n_blocks * n_chunks
    scratch, first, room = _workspace(n_tasks, page_at + (0 if is_wide else PAGE * width + LANES))
    held = entries.ctypes.data if is_wide else scratch.ctypes.data
    wide = carray(pointer_to(held, np.float32(0)), entries.size if is_wide else scratch.size)
    for task in prange(n_tasks):
        row, chunk = task // n_chunks, task % n_chunks
        mine = scratch[first + task * room : first + (task + 1) * room]
        mine[summed:top] = 0
        mine[top:total] = LOWEST
        mine[total:keep] = 0
        n_rows = min(h, n_heads - row % n_blocks * h)
        for head in range(n_rows):
            place = row // n_blocks, row % n_blocks * h + head
            _column(mine, columns + head, h, q_latent, c, place, scale, entries)
            _column(mine, columns + c * h + head, h, q_rope, r, place, scale, entries)
        for page in range(chunk * n_pages // n_chunks, (chunk + 1) * n_pages // n_chunks):
            n_keys = min(PAGE, s - page * PAGE)
            entries_at = (row // n_blocks * capacity + page * PAGE) * width
            wide_at = entries_at if is_wide else first + task * room + page_at
            if not is_wide:
                _widen_all(wide, wide_at, entries, entries_at, n_keys * width)
            next_at, half = entries_at + PAGE * width, PAGE * width // 2
            keys, queries = (wide, wide_at, width, 1), (mine, columns, h)
            size, soon = (n_keys, h, width), (entries, next_at, half)
            _score((mine, scores, h), keys, queries, size, soon)
            for head in range(0, h, LANES):
                places = (mine, top + head, 0), (mine, total + head, 0), (mine, keep + head, 0)
                column_softmax((mine, scores + head, h), n_keys, *places)
            for head in range(n_rows):
                if mine[keep + head] != 1:
                    for at in range(summed + head * stored, summed + (head + 1) * stored):
                        mine[at] *= mine[keep + head]
            weights, from_v = (mine, scores, 1, h), (wide, wide_at, width)
            size, soon = (n_rows, stored, n_keys), (entries, next_at + half, half)
            _add_values((mine, summed, stored), weights, from_v, size, soon)
    for row in prange(b * n_heads):
        sequence, head = row // n_heads, row % n_heads
        block, here = sequence * n_blocks + head // h, head % h
        chunks = (scratch, first + block * n_chunks * room, room)
        _merge(o, row * c, c, chunks, n_chunks, (top + here, total + here, summed + here * stored))


@njit(fastmath=EXACT)
def _column(mine, at, step, q, n, place, scale, like):
    """One head's part of the query, (address, batch, head), as a column, `step` apart."""
    (q_at, q_b, q_h), (sequence, head) = q, place
    start = sequence * q_b + head * q_h
    numbers = carray(pointer_to(q_at, like[0]), start + n)
    for i in range(n):
        mine[at + i * step] = number((numbers, start + i, 0)) * scale


@njit(fastmath=EXACT)
def _widen_all(wide, wide_at, entries, entries_at, n):
    """n numbers of the cache as float32."""
    whole = n - n % LANES
    for at in range(0, whole, LANES):
        widen((wide, wide_at + at, 0), (entries, entries_at + at, 0))
    for at in range(whole, n):
        wide[wide_at + at] = number((entries, entries_at + at, 0))
