"""Split-KV attention of one query token, as fast as a CPU reads the cache (flash-decoding).

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
* latent: one lane is one head. The cache lies as it is and is K and, in its first c columns, V; the
  query is transposed to (c + r, h), and largest scores and sums run down the keys.
* while a page is multiplied, the next one is asked for from memory.

Arithmetic is in float32 whatever the cache holds. `scale * log2(e)` is folded into the query, so
that weights are powers of two. The vector instructions are in `simd`.

Measured gains on 2 Xeon cores with AVX-512, 16,384 tokens, 32 heads of 128, float32: asking for the
next page 8.5 to 3.4 ms (8 K/V heads), vectors for the softmax 1.22 to 1.01 ms (one K/V head).
Source: FlashAttention-2 (arXiv:2307.08691), section 3.1, for the online softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from numba import njit, prange, set_num_threads
from torch import Tensor

from gqa_core.engine.kernels import resolve_layout
from gqa_core.engine.kernels.compile_cache import cached_compile, seal
from gqa_core.engine.kernels.simd import (
    LANES,
    TILES,
    column_softmax,
    row_exp2,
    row_max,
    tile,
    widen,
)
from gqa_core.engine.key_layouts import PAGE, KeysInPages

DTYPES = {torch.float32: torch.float32, torch.bfloat16: torch.uint16, torch.float16: torch.int16}
TASKS_PER_THREAD = 1
HEADS_AT_ONCE = 32  # of latent attention: their queries and sums fit a core's cache of 1 MB
LOWEST = np.float32(-1e30)  # below any score, and finite: it can be subtracted from itself
EXACT = {"contract", "nsz"}  # leaves numba may take: nothing that reorders or forgets NaN


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


def split_kv(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v of one token, K and V laid out for it first: a copy of both.

    Raises:
        ValueError: a dtype that it does not serve, or not a CPU.
    """
    resolve_layout("split_kv", k.dtype, k.device, k.shape[2])
    assert mask is None, "one token sees all others"
    (b, n_kv_heads, s, d), width = k.shape, v.shape[3]
    keys = KeysInPages(b, n_kv_heads, s, d, {"dtype": k.dtype, "device": k.device})
    keys.write(0, k)
    values = v.new_zeros(b, n_kv_heads, s, whole_vectors(width))
    values[..., :width] = v
    return grouped_split_kv(q, keys.storage, values, s, scale)[..., :width]


def whole_vectors(width: int) -> int:
    """A width of V that is read in whole vectors."""
    return -(-width // LANES) * LANES


@cache
def prepare(dtype: torch.dtype, *, is_latent: bool) -> None:
    """Compile the kernel for a dtype, or load it: seconds the first time on a machine."""
    q, cached = (
        torch.zeros(1, 1, 1, LANES, dtype=dtype),
        torch.zeros(1, 1, PAGE, LANES, dtype=dtype),
    )
    if is_latent:
        latent_split_kv(q, cached[:, 0], 1, 1, 1.0)
    else:
        grouped_split_kv(q, cached.view(1, 1, 1, LANES, PAGE), cached, 1, 1.0)
    seal()


def grouped_split_kv(q: Tensor, pages: Tensor, values: Tensor, s: int, scale: float) -> Tensor:
    """Output (b, h, 1, v) of q (b, h, 1, d) over the first s of K and V.

    `pages` is K as (b, k, n_pages, d, 64), `values` V as (b, k, capacity, v), both contiguous.
    """
    (b, h, _, d), (_, k, n_pages, _, _), v = q.shape, pages.shape, values.shape[3]
    g = h // k
    q = (q.float() * (scale * math.log2(math.e))).contiguous()
    n_chunks = _n_chunks(b * k, s)
    scratch = torch.empty(b * k * n_chunks, g * (2 + PAGE + v))
    o = torch.empty(b, h, 1, v)
    _grouped(
        *(_flat(x) for x in (o, q, pages, values)),
        scratch.numpy(),
        (b * k, n_chunks, s),
        (g, d, v),
        (n_pages * PAGE * d, values.shape[2] * v),
    )
    return o.to(values.dtype)


def latent_split_kv(q: Tensor, entries: Tensor, s: int, c: int, scale: float) -> Tensor:
    """Output (b, h, 1, c) of q (b, h, 1, c + r) over the first s of entries (b, capacity, c + r).

    A contiguous cache; its first c columns are the values.
    """
    (b, h, _, width), capacity = q.shape, entries.shape[1]
    n_columns = min(-(-h // LANES) * LANES, HEADS_AT_ONCE)
    n_blocks = -(-h // n_columns)
    columns = torch.zeros(b, n_blocks * n_columns, width)
    columns[:, :h] = q[:, :, 0].float() * (scale * math.log2(math.e))
    columns = columns.view(b * n_blocks, n_columns, width).transpose(1, 2).contiguous()
    n_chunks = _n_chunks(b * n_blocks, s)
    is_wide = entries.dtype == torch.float32
    room = n_columns * (3 + PAGE + c) + (not is_wide) * PAGE * width
    scratch = torch.empty(b * n_blocks * n_chunks, room)
    o = torch.empty(b * n_blocks, c, n_columns)
    _latent(
        *(_flat(x) for x in (o, columns, entries)),
        _flat(entries) if is_wide else _flat(scratch),
        is_wide,
        scratch.numpy(),
        (b, n_blocks, n_chunks, s, capacity),
        (n_columns, width, c),
    )
    o = o.transpose(1, 2).reshape(b, n_blocks * n_columns, 1, c)
    return o[:, :h].to(entries.dtype)


def _n_chunks(n_rows: int, s: int) -> int:
    """Chunks for each of n_rows independent rows: enough for all threads, a page at least each."""
    n_threads = torch.get_num_threads()
    set_num_threads(n_threads)
    return max(1, min(-(-TASKS_PER_THREAD * n_threads // n_rows), -(-s // PAGE)))


def _flat(x: Tensor) -> np.ndarray:
    return x.reshape(-1).view(DTYPES[x.dtype]).numpy()


def _strip(n_vectors: int, n_rows: int, *, adds: bool, fetched: int) -> Callable:
    """A product's columns from `at` on, as many as fit n_vectors at once; where it stopped."""
    width = n_vectors * LANES
    many = tile(n_rows, n_vectors, adds=adds, fetches=fetched)
    one = tile(1, n_vectors, adds=adds, fetches=fetched)

    @njit(fastmath=EXACT)
    def strip(c, a, b, shape, ahead, at):
        (of_c, c_at, c_row), (of_a, a_at, a_row, a_step), (of_b, b_at, b_row) = c, a, b
        (rows, columns, n), (to_come, next_at, next_row, next_step) = shape, ahead
        end = columns - (columns - at) % width
        row = 0
        while row < rows:
            is_many = row + n_rows <= rows
            for column in range(at, end, width):
                to_c = (of_c, c_at + row * c_row + column, c_row)
                from_a = (of_a, a_at + row * a_row, a_row, a_step)
                from_b = (of_b, b_at + column, b_row)
                soon = (to_come, next_at, 0)
                if next_row > 0 and column == at:  # what comes next lies as a does
                    step = (n_rows if is_many else 1) * next_row // n
                    soon = (to_come, next_at + row * next_row, step)
                elif next_row == 0 and row == 0:  # as b does
                    soon = (to_come, next_at + column, next_step)
                if is_many:
                    many(to_c, from_a, from_b, n, soon)
                else:
                    one(to_c, from_a, from_b, n, soon)
            row += n_rows if is_many else 1
        return end

    return strip


def _product(shapes: Sequence[tuple[int, int]], *, adds: bool, fetched: int | None) -> Callable:
    """c = a b, or c += a b, for rows x columns sums of n; columns are a multiple of LANES.

    Called as (c, a, b, (rows, columns, n), ahead) with operands as `simd.tile` takes them; `ahead`
    is (array, at, row, step). `fetched` vectors are asked for at each step, None for as many as
    b has. `shapes` are tiles, (rows, vectors), the widest first and the last of one vector.
    """
    strips = [
        _strip(vectors, rows, adds=adds, fetched=vectors if fetched is None else fetched)
        for rows, vectors in shapes
    ]
    wide, narrow, narrowest = strips[0], strips[len(strips) // 2], strips[-1]

    @njit(fastmath=EXACT)
    def product(c, a, b, shape, ahead):
        at = wide(c, a, b, shape, ahead, 0)
        at = narrow(c, a, b, shape, ahead, at)
        narrowest(c, a, b, shape, ahead, at)

    return product


_score, _add_values = (_product(TILES, adds=adds, fetched=None) for adds in (False, True))
_score_latent = _product(TILES[-2:], adds=False, fetched=1)
_add_latent = _product(TILES[-2:], adds=True, fetched=1)


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
def _merge(o, scratch, counts, sizes, at):
    """The chunks of every row into one, each as far below the largest score as it is.

    Apart from the parallel function, where numba would start threads for each of its assignments.
    """
    (n_rows, n_chunks), (g, v), (top, total, summed) = counts, sizes, at
    for row in range(n_rows):
        first, here = row // g * n_chunks, row % g
        largest = LOWEST
        for task in range(first, first + n_chunks):
            largest = max(largest, scratch[task, top + here])
        whole = np.float32(0)
        o[row * v : (row + 1) * v] = 0
        for task in range(first, first + n_chunks):
            keep = np.float32(2.0) ** (scratch[task, top + here] - largest)
            whole += keep * scratch[task, total + here]
            for column in range(v):
                o[row * v + column] += keep * scratch[task, summed + here * v + column]
        for column in range(row * v, (row + 1) * v):
            o[column] /= whole


@cached_compile
def _grouped(o, q, pages, values, scratch, counts, sizes, strides):
    """All rows of q (b k, g, d), each K/V head's chunks side by side; o (b k, g, v)."""
    (n_heads, n_chunks, s), (g, d, v), (head_keys, head_values) = counts, sizes, strides
    n_pages = (s + PAGE - 1) // PAGE
    top, total, scores, summed = at = (0, g, 2 * g, (2 + PAGE) * g)
    for task in prange(n_heads * n_chunks):
        head, chunk, mine = task // n_chunks, task % n_chunks, scratch[task]
        mine[top:total] = LOWEST
        mine[total:scores] = 0
        mine[summed:] = 0
        for page in range(chunk * n_pages // n_chunks, (chunk + 1) * n_pages // n_chunks):
            n_keys = min(PAGE, s - page * PAGE)
            keys_at = head * head_keys + page * PAGE * d
            values_at = head * head_values + page * PAGE * v
            to_scores, from_q = (mine, scores, PAGE), (q, head * g * d, d, 1)
            soon = (values, values_at, 0, PAGE * v // d)
            _score(to_scores, from_q, (pages, keys_at, PAGE), (g, PAGE, d), soon)
            _soften(mine, at, n_keys, g, v)
            weights, soon = (mine, scores, PAGE, 1), (pages, keys_at + PAGE * d, 0, d)
            _add_values((mine, summed, v), weights, (values, values_at, v), (g, v, n_keys), soon)
    _merge(o, scratch, (n_heads * g, n_chunks), (g, v), (top, total, summed))


@njit(fastmath=EXACT)
def _merge_columns(o, scratch, counts, sizes, at):
    """The same of columns, a head each."""
    (n_rows, n_chunks), (h, c), (total, keep, summed) = counts, sizes, at
    for row in range(n_rows):
        tasks = range(row * n_chunks, (row + 1) * n_chunks)
        for head in range(h):
            largest, whole = LOWEST, np.float32(0)
            for task in tasks:
                largest = max(largest, scratch[task, head])
            for task in tasks:
                scratch[task, keep + head] = np.float32(2.0) ** (scratch[task, head] - largest)
                whole += scratch[task, keep + head] * scratch[task, total + head]
            for task in tasks:
                scratch[task, keep + head] /= whole
        o[row * c * h : (row + 1) * c * h] = 0
        for task in tasks:
            for column in range(c):
                to, source = (row * c + column) * h, summed + column * h
                for head in range(h):
                    o[to + head] += scratch[task, keep + head] * scratch[task, source + head]


@cached_compile
def _latent(o, columns, entries, wide, is_wide, scratch, counts, sizes):
    """All blocks (b n, c + r, h) of n blocks of h queries; o (b n, c, h).

    `wide` is where the entries lie in float32: in the cache, or a page at a time in `scratch`.
    """
    (b, n_blocks, n_chunks, s, capacity), (h, width, c) = counts, sizes
    n_pages = (s + PAGE - 1) // PAGE
    top, total, keep, scores, summed = 0, h, 2 * h, 3 * h, (3 + PAGE) * h
    page_at = (3 + PAGE + c) * h
    for task in prange(b * n_blocks * n_chunks):
        row, chunk, mine = task // n_chunks, task % n_chunks, scratch[task]
        mine[top:total] = LOWEST
        mine[total:keep] = 0
        mine[summed:page_at] = 0
        for page in range(chunk * n_pages // n_chunks, (chunk + 1) * n_pages // n_chunks):
            n_keys = min(PAGE, s - page * PAGE)
            entries_at = (row // n_blocks * capacity + page * PAGE) * width
            wide_at = entries_at if is_wide else task * scratch.shape[1] + page_at
            if not is_wide:
                _widen_all(wide, wide_at, entries, entries_at, n_keys * width)
            keys, queries = (wide, wide_at, width, 1), (columns, row * width * h, h)
            next_at, half = entries_at + PAGE * width, PAGE * width // 2
            soon = (entries, next_at, width // 2, 0)
            _score_latent((mine, scores, h), keys, queries, (n_keys, h, width), soon)
            for head in range(0, h, LANES):
                places = (mine, top + head, 0), (mine, total + head, 0), (mine, keep + head, 0)
                column_softmax((mine, scores + head, h), n_keys, *places)
            if np.any(mine[keep:scores] != 1):
                for column in range(c):
                    for head in range(h):
                        mine[summed + column * h + head] *= mine[keep + head]
            values, weights = (wide, wide_at, 1, width), (mine, scores, h)
            soon = (entries, next_at + half, max(half // c, 1), 0)
            _add_latent((mine, summed, h), values, weights, (c, h, n_keys), soon)
    _merge_columns(o, scratch, (b * n_blocks, n_chunks), (h, c), (total, keep, summed))


@njit(fastmath=EXACT)
def _widen_all(wide, wide_at, entries, entries_at, n):
    """n numbers of the cache as float32; the last few one vector over, into room that is there."""
    for at in range(0, n - n % LANES, LANES):
        widen((wide, wide_at + at, 0), (entries, entries_at + at, 0))
    if n % LANES and n >= LANES:
        widen((wide, wide_at + n - LANES, 0), (entries, entries_at + n - LANES, 0))
