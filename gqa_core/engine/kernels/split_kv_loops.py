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
* while a page is multiplied, the next one is asked for from memory, evenly, down to the rows of a
  step: asked for at once, it keeps what is multiplied from coming near.

Arithmetic is in float32 whatever the cache holds. The scale that comes in has log2(e) folded in, so
that weights are powers of two. The vector instructions are in `simd`.

Measured gains on 2 Xeon cores with AVX-512, 16,384 tokens, 32 heads of 128, float32: asking for the
next page 8.5 to 3.4 ms (8 K/V heads), evenly 1.25 to 1.10 ms (one K/V head), and row by row 5.3 to
4.9 ms (8 K/V heads; 2.9 to 2.4 in bfloat16); vectors for the softmax 1.22 to 1.01 ms (one K/V
head); weighted sums of latents with a lane a column, not a head, 2.6 to 2.3 ms (16 heads, of
512 + 64).
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
    put,
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
    """The n numbers of a row from all its chunks, each as far below the largest score as it is.

    They are summed where the first chunk has its own.
    """
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
        for i in range(summed, summed + n):
            before = scratch[first + i] if chunk > 0 else np.float32(0)
            scratch[first + i] = before + part * scratch[mine + i]
    for i in range(n):
        put((o, o_at + i, 0), scratch[first + summed + i])


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


@njit(fastmath=EXACT)
def _share(n, thread, n_threads):
    """The share of n that a thread takes, all shares alike.

    Every loop that threads divide has as many turns as there are threads: a loop of fewer would
    send some of them home, and the next one would have to start them again, in half a millisecond.
    """
    return range(thread * n // n_threads, (thread + 1) * n // n_threads)


@njit(fastmath=EXACT)
def _grouped_places(g, d, stored):
    """Where a task keeps scores, sums of values, queries, largest scores and sums; room for all."""
    summed, queries = g * PAGE, g * (PAGE + stored)
    top = queries + g * d
    return 0, summed, queries, top, top + g, top + 2 * g


@cached_compile
def grouped_loop(o_at, o_like, q_at, pages, values, scale, shape, strides, counts):
    """All heads of q, each K/V head's chunks side by side, into o (b, h, 1, v) of o_like's kind."""
    (b, k, g, d, v, _), (q_b, q_h, _, _, stored), (n_chunks, n_threads) = shape, strides, counts
    o = carray(pointer_to(o_at, o_like), b * k * g * v)
    q = carray(pointer_to(q_at, pages[0]), b * q_b + k * g * q_h)
    _, summed, _, top, total, end = _grouped_places(g, d, stored)
    n_tasks = b * k * n_chunks
    scratch, first, room = _workspace(n_tasks, end)
    for thread in prange(n_threads):
        for task in _share(n_tasks, thread, n_threads):
            mine = scratch[first + task * room : first + (task + 1) * room]
            of = task // n_chunks, task % n_chunks, n_chunks
            _grouped_chunk(mine, of, q, np.float32(scale), pages, values, shape, strides)
    for thread in prange(n_threads):
        for row in _share(b * k * g, thread, n_threads):
            chunks, here = (scratch, first + row // g * n_chunks * room, room), row % g
            at = top + here, total + here, summed + here * stored
            _merge(o, row * v, v, chunks, n_chunks, at)


@njit(fastmath=EXACT)
def _grouped_chunk(mine, of, q, scale, pages, values, shape, strides):
    """One chunk of one K/V head, for the g queries that share it."""
    (_, k, g, d, _, s), (q_b, q_h, head_keys, head_values, stored) = shape, strides
    (head, chunk, n_chunks), n_pages = of, (s + PAGE - 1) // PAGE
    scores, summed, queries, top, total, end = _grouped_places(g, d, stored)
    mine[summed:queries] = 0
    mine[top:total] = LOWEST
    mine[total:end] = 0
    for row in range(g):
        at = head // k * q_b + (head % k * g + row) * q_h
        for i in range(d):
            mine[queries + row * d + i] = number((q, at + i, 0)) * scale
    for page in _share(n_pages, chunk, n_chunks):
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


@njit(fastmath=EXACT)
def _latent_places(h, c, r, stored):
    """Where a task keeps scores, sums, queries, and a head's largest score, sum and change of it.

    And where all of it ends.
    """
    summed, columns = PAGE * h, (PAGE + stored) * h
    top = columns + (c + r) * h
    return 0, summed, columns, top, top + h, top + 2 * h, top + 3 * h


@cached_compile
def latent_loop(o_at, o_like, q_latent, q_rope, entries, scale, shape, sizes, counts):
    """All heads of q in blocks of `h`, each block's chunks side by side, into o (b, heads, 1, c).

    `wide` is where the entries lie in float32 and may be read a vector too far: in the cache, or a
    page at a time in `scratch`.
    """
    (b, n_heads, c, r, _), (h, n_blocks, _), (n_chunks, n_threads) = shape, sizes, counts
    o = carray(pointer_to(o_at, o_like), b * n_heads * c)
    stored = -(-c // LANES) * LANES
    is_wide = entries.itemsize == 4 and stored == c
    _, summed, _, top, total, _, end = _latent_places(h, c, r, stored)
    n_tasks = b * n_blocks * n_chunks
    scratch, first, room = _workspace(n_tasks, end + (0 if is_wide else PAGE * (c + r) + LANES))
    held = entries.ctypes.data if is_wide else scratch.ctypes.data
    wide = carray(pointer_to(held, np.float32(0)), entries.size if is_wide else scratch.size)
    for thread in prange(n_threads):
        for task in _share(n_tasks, thread, n_threads):
            mine = scratch[first + task * room : first + (task + 1) * room]
            of, queries = (task // n_chunks, task % n_chunks, n_chunks), (q_latent, q_rope)
            at = -1 if is_wide else first + task * room + end
            _latent_chunk(mine, of, queries, np.float32(scale), entries, (wide, at), shape, sizes)
    for thread in prange(n_threads):
        for row in _share(b * n_heads, thread, n_threads):
            block, here = row // n_heads * n_blocks + row % n_heads // h, row % n_heads % h
            at = top + here, total + here, summed + here * stored
            _merge(o, row * c, c, (scratch, first + block * n_chunks * room, room), n_chunks, at)


@njit(fastmath=EXACT)
def _latent_chunk(mine, of, queries, scale, entries, widened, shape, sizes):
    """One chunk of one sequence, for a block of heads; `widened` is (wide, a page's place there).

    The place is -1 where `wide` is the cache itself.
    """
    (_, n_heads, c, r, s), (h, n_blocks, capacity), (row, chunk, n_chunks) = shape, sizes, of
    width, stored, n_pages = c + r, -(-c // LANES) * LANES, (s + PAGE - 1) // PAGE
    scores, summed, columns, top, total, keep, _ = _latent_places(h, c, r, stored)
    sequence, block, half = row // n_blocks, row % n_blocks, PAGE * width // 2
    wide, page_at = widened
    n_rows = min(h, n_heads - block * h)
    mine[summed:top] = 0
    mine[top:total] = LOWEST
    mine[total:keep] = 0
    for head in range(n_rows):
        (q_latent, q_rope), place = queries, (sequence, block * h + head)
        _column(mine, columns + head, h, q_latent, c, place, scale, entries)
        _column(mine, columns + c * h + head, h, q_rope, r, place, scale, entries)
    for page in _share(n_pages, chunk, n_chunks):
        n_keys = min(PAGE, s - page * PAGE)
        entries_at = (sequence * capacity + page * PAGE) * width
        wide_at = entries_at if page_at < 0 else page_at
        if page_at >= 0:
            _widen_all(wide, wide_at, entries, entries_at, n_keys * width)
        soon = entries, entries_at + PAGE * width, half
        keys, size = (wide, wide_at, width, 1), (n_keys, h, width)
        _score((mine, scores, h), keys, (mine, columns, h), size, soon)
        for head in range(0, h, LANES):
            places = (mine, top + head, 0), (mine, total + head, 0), (mine, keep + head, 0)
            column_softmax((mine, scores + head, h), n_keys, *places)
        for head in range(n_rows):
            if mine[keep + head] != 1:
                for at in range(summed + head * stored, summed + (head + 1) * stored):
                    mine[at] *= mine[keep + head]
        soon = entries, entries_at + PAGE * width + half, half
        weights, size = (mine, scores, 1, h), (n_rows, stored, n_keys)
        _add_values((mine, summed, stored), weights, (wide, wide_at, width), size, soon)


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
