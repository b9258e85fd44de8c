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
from functools import cache

import numpy as np
import torch
from numba import carray, njit, prange, set_num_threads
from torch import Tensor

from gqa_core.engine.kernels import resolve_layout
from gqa_core.engine.kernels.compile_cache import cached_compile, seal
from gqa_core.engine.kernels.products import EXACT, product
from gqa_core.engine.kernels.simd import (
    LANES,
    TILES,
    column_softmax,
    number,
    pointer_to,
    row_exp2,
    row_max,
    widen,
)
from gqa_core.engine.key_layouts import PAGE, KeysInPages

DTYPES = {torch.float32: torch.float32, torch.bfloat16: torch.uint16, torch.float16: torch.int16}
HEADS_AT_ONCE = 32  # of latent attention: their queries and sums fit a core's cache of 1 MB
LOWEST = np.float32(-1e30)  # below any score, and finite: it can be subtracted from itself
LOG2_E = math.log2(math.e)
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
    return GroupedSplitKV(keys.storage, values, width).attend(q, s, scale)


def whole_vectors(width: int) -> int:
    """A width of V that is read in whole vectors."""
    return -(-width // LANES) * LANES


@cache
def prepare(dtype: torch.dtype, *, is_latent: bool) -> None:
    """Compile the kernel for a dtype, or load it: seconds the first time on a machine."""
    q, storage = torch.zeros(1, 1, 1, LANES, dtype=dtype), torch.zeros(PAGE * LANES, dtype=dtype)
    if is_latent:
        LatentSplitKV(storage.view(1, PAGE, LANES), 1).attend(q[..., :1], q[..., 1:], 1, 1.0)
    else:
        pages, values = storage.view(1, 1, 1, LANES, PAGE), storage.view(1, 1, PAGE, LANES)
        GroupedSplitKV(pages, values, LANES).attend(q, 1, 1.0)
    seal()


class GroupedSplitKV:
    """Attention over K as pages (b, k, n_pages, d, 64) and V (b, k, capacity, stored), contiguous.

    The first `width` columns of V are its values.
    A call makes one tensor, the output, and enters compiled code with addresses: each call of
    torch's takes 15 to 45 us after other work has emptied the processor's cache.
    """

    def __init__(self, pages: Tensor, values: Tensor, width: int) -> None:
        self._pages, self._values, self._like = _flat(pages), _flat(values), pages
        (b, k, n_pages, d, _), (_, _, capacity, stored) = pages.shape, values.shape
        self._shape = b, k, d, width
        self._strides = n_pages * PAGE * d, capacity * stored, stored

    def serves(self, q: Tensor) -> bool:
        """Whether q is (b, h, 1, d), fits, and wants no gradient."""
        b, k, d, _ = self._shape
        fits = q.ndim == 4 and q.shape[0] == b and q.shape[1] % k == 0 and q.shape[2:] == (1, d)
        return fits and _is_like(q, self._like)

    def attend(self, q: Tensor, s: int, scale: float) -> Tensor:
        """Output (b, h, 1, v) of q (b, h, 1, d) over the first s tokens."""
        (b, k, d, v), h = self._shape, q.shape[1]
        q = q if q.stride(3) == 1 else q.contiguous()
        o = torch.empty(b, h, 1, v)
        _grouped(
            o.data_ptr(),
            q.data_ptr(),
            self._pages,
            self._values,
            scale * LOG2_E,
            (b, k, h // k, d, v, s),
            (q.stride(0), q.stride(1), *self._strides),
            _n_chunks(b * k, s),
        )
        return o if q.dtype == torch.float32 else o.to(q.dtype)


class LatentSplitKV:
    """Attention over entries (b, capacity, c + r), contiguous, whose first c columns are values."""

    def __init__(self, entries: Tensor, c: int) -> None:
        self._entries, self._like = _flat(entries), entries
        b, self._capacity, width = entries.shape
        self._shape = b, c, width - c

    def serves(self, q_latent: Tensor, q_rope: Tensor) -> bool:
        """Whether they are (b, h, 1, c) and (b, h, 1, r), fit, and want no gradient."""
        b, c, r = self._shape
        fits = q_latent.ndim == q_rope.ndim == 4 and q_latent.shape[:2] == q_rope.shape[:2]
        fits = fits and q_latent.shape[0] == b and q_latent.shape[2:] == (1, c)
        fits = fits and q_rope.shape[2:] == (1, r)
        return fits and _is_like(q_latent, self._like) and _is_like(q_rope, self._like)

    def attend(self, q_latent: Tensor, q_rope: Tensor, s: int, scale: float) -> Tensor:
        """Output (b, h, 1, c) of q_latent (b, h, 1, c) and q_rope (b, h, 1, r), first s tokens."""
        (b, c, r), h = self._shape, q_latent.shape[1]
        q_latent = q_latent if q_latent.stride(3) == 1 else q_latent.contiguous()
        q_rope = q_rope if q_rope.stride(3) == 1 else q_rope.contiguous()
        n_columns = min(whole_vectors(h), HEADS_AT_ONCE)
        n_blocks = -(-h // n_columns)
        o = torch.empty(b, h, 1, c)
        _latent(
            o.data_ptr(),
            (q_latent.data_ptr(), *q_latent.stride()[:2]),
            (q_rope.data_ptr(), *q_rope.stride()[:2]),
            self._entries,
            scale * LOG2_E,
            (b, h, c, r, s),
            (n_columns, n_blocks, self._capacity, _n_chunks(b * n_blocks, s)),
        )
        return o if q_latent.dtype == torch.float32 else o.to(q_latent.dtype)


def _is_like(q: Tensor, cached: Tensor) -> bool:
    return q.dtype == cached.dtype and q.device == cached.device and not q.requires_grad


def _n_chunks(n_rows: int, s: int) -> int:
    """Chunks for each of n_rows independent rows: as many for every thread, a page at least."""
    n_threads = torch.get_num_threads()
    set_num_threads(n_threads)
    return max(1, min(n_threads // math.gcd(n_rows, n_threads), -(-s // PAGE)))


def _flat(x: Tensor) -> np.ndarray:
    return x.view(-1).view(DTYPES[x.dtype]).numpy()


_score, _add_values = (product(TILES, adds=adds) for adds in (False, True))
_score_latent = product(TILES[-2:], adds=False)


@njit(fastmath=EXACT)
def _workspace(n_tasks, room):
    """Room for all tasks, where the first one's begins and how much each has: whole lines."""
    room = -(-room // LINE) * LINE
    scratch = np.empty(n_tasks * room + LINE, np.float32)
    return scratch, -(scratch.ctypes.data // 4) % LINE, room


@njit(fastmath=EXACT)
def _merge(o, o_at, n, chunks, n_chunks, at):
    """The n numbers of a row from all its chunks, each as far below the largest score as it is.

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
def _grouped(o_at, q_at, pages, values, scale, shape, strides, n_chunks):
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
def _latent(o_at, q_latent, q_rope, entries, scale, shape, sizes):
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
            _score_latent((mine, scores, h), keys, queries, size, soon)
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
    """n numbers of the cache as float32; the last few one vector over, into room that is there."""
    for at in range(0, n - n % LANES, LANES):
        widen((wide, wide_at + at, 0), (entries, entries_at + at, 0))
    if n % LANES and n >= LANES:
        widen((wide, wide_at + n - LANES, 0), (entries, entries_at + n - LANES, 0))
