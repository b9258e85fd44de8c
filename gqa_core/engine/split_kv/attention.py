"""Split-KV attention bound to one cache (flash-decoding): our own kernel for CPUs.

b batch, k K/V heads, h query heads, s cached tokens, d head_dim, v v_head_dim, c kv_lora_rank,
r qk_rope_head_dim.

A decode step does little arithmetic per byte, so every byte of the cache must be read once, in
order, by all cores at once, and serve all its queries while it is in the processor's cache:

* the context is split into chunks, one task each; a task walks its chunk page by page (64 tokens)
  with an online softmax, and the chunks are merged at the end. `plain` is this algorithm in torch,
  `grouped_loop` and `latent_loop` are its compiled forms.
* while a page is multiplied, the next one is prefetched, spread evenly down to the rows of a tile:
  prefetching all at once delays the loads of the product at hand.
* arithmetic is float32 whatever the cache holds; where dot products of bfloat16 pairs are fast (AMD
  since Zen 4), they multiply a cache in bfloat16, sums in float32 and weights rounded to bfloat16
  (`grouped_bf16`, `latent_bf16`). The scale includes log2(e), so that weights are powers of two.
* everything that depends on the cache alone is computed once, in `__init__`. A call allocates the
  output and enters compiled code with addresses. Each torch call takes 15 to 45 us once other work
  has evicted the processor's cache; a call that prepared its operands with torch took 0.3 ms, and
  takes 0.07 ms now (2 Xeon cores).

Measured gains on 2 Xeon cores with AVX-512, 16,384 tokens, 32 heads of 128, float32: prefetching
the next page 8.5 to 3.4 ms (8 K/V heads), evenly 1.25 to 1.10 ms (one K/V head), and row by row 5.3
to 4.9 ms (8 K/V heads; 2.9 to 2.4 in bfloat16); vectors for the softmax 1.22 to 1.01 ms (one K/V
head); weighted sums of latents with one lane per column, not per head, 2.6 to 2.3 ms (16 heads, of
512 + 64).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from gqa_core.engine.key_layouts import PAGE, KeysInPages
from gqa_core.engine.split_kv.compile_cache import write_checksums
from gqa_core.engine.split_kv.grouped_loop import grouped_loop
from gqa_core.engine.split_kv.latent_loop import latent_loop
from gqa_core.engine.split_kv.threads import start_pool, sync_num_threads
from gqa_core.engine.split_kv.vectors import LANES

__all__ = ["GroupedSplitKV", "LatentSplitKV", "load_kernel", "pad_to_lanes", "split_kv"]

BITS_DTYPE = {
    torch.float32: torch.float32,
    torch.bfloat16: torch.uint16,
    torch.float16: torch.int16,
    torch.int8: torch.int8,  # codes of a quantised cache
    torch.float8_e4m3fn: torch.uint8,
}
OUTPUT_DTYPE = {dtype: torch.float32 if dtype == torch.float16 else dtype for dtype in BITS_DTYPE}
TYPE_WITNESS = {torch.float32: np.float32(0), torch.bfloat16: np.uint16(0)}  # of an output
HEADS_PER_BLOCK = 64  # of latents: their queries and sums fit a core's cache of 1 MB
LOG2_E = math.log2(math.e)


def split_kv(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v of one query token over plain tensors, which are copied first."""
    assert mask is None, "one token attends to all others"
    load_kernel(k.dtype, is_latent=False)
    (b, n_kv_heads, s, d), width = k.shape, v.shape[3]
    pages = KeysInPages((b, n_kv_heads, s, d), dtype=k.dtype, device=k.device)
    pages.write(0, k)
    values = v.new_zeros(b, n_kv_heads, s, pad_to_lanes(width))
    values[..., :width] = v
    return GroupedSplitKV(pages.storage, values, width).attend(q, s, scale)


def pad_to_lanes(width: int) -> int:
    """The width rounded up to whole vectors, as V is stored."""
    return -(-width // LANES) * LANES


@cache
def load_kernel(dtype: torch.dtype, *, is_latent: bool) -> None:
    """Compile the kernel for a dtype, or load it: seconds the first time on a machine."""
    start_pool()
    q = torch.zeros(1, 1, 1, LANES, dtype=dtype, device="cpu")
    storage = torch.zeros(PAGE * LANES, dtype=dtype, device="cpu")
    if is_latent:
        LatentSplitKV(storage.view(1, PAGE, LANES), 1).attend(q[..., :1], q[..., 1:], 1, 1.0)
    else:
        pages, values = storage.view(1, 1, 1, LANES, PAGE), storage.view(1, 1, PAGE, LANES)
        GroupedSplitKV(pages, values, LANES).attend(q, 1, 1.0)
    write_checksums()


class GroupedSplitKV:
    """Attention over K as pages (b, k, n_pages, d, 64) and V (b, k, capacity, stored), contiguous.

    The first `width` columns of V are its values.
    """

    def __init__(self, pages: Tensor, values: Tensor, width: int) -> None:
        self._pages, self._values = _as_numpy(pages), _as_numpy(values)
        self._dtype, self._device = pages.dtype, pages.device
        (b, k, n_pages, d, _), (_, _, capacity, stored) = pages.shape, values.shape
        self._shape = b, k, d, width
        self._strides = n_pages * PAGE * d, capacity * stored, stored

    def can_attend(self, q: Tensor) -> bool:
        """True if q is (b, h, 1, d), matches the cache, and needs no gradient."""
        (b, k, d, _), shape = self._shape, q.shape
        fits = len(shape) == 4 and shape == (b, shape[1], 1, d) and shape[1] % k == 0
        is_same_kind = q.dtype == self._dtype and q.device == self._device
        return fits and shape[1] > 0 and is_same_kind and not q.requires_grad

    def attend(self, q: Tensor, s: int, scale: float, lse: Tensor | None = None) -> Tensor:
        """Output (b, h, 1, v) of q (b, h, 1, d) over the first s tokens.

        The natural log-sum-exps of the scores are written into `lse` (b, h), contiguous float32.
        """
        (b, k, d, v), h = self._shape, q.shape[1]
        q, (q_b, q_h) = _with_contiguous_heads(q)
        o = q.new_empty(b, h, 1, v, dtype=OUTPUT_DTYPE[q.dtype])
        grouped_loop(
            (o.data_ptr(), 0 if lse is None else lse.data_ptr()),
            TYPE_WITNESS[o.dtype],
            q.data_ptr(),
            self._pages,
            self._values,
            float(scale) * LOG2_E,
            (b, k, h // k, d, v, s),
            (q_b, q_h, *self._strides),
            _grid(b * k, s),
        )
        return o if o.dtype == q.dtype else o.to(q.dtype)


class LatentSplitKV:
    """Attention over entries (b, capacity, c + r), contiguous, whose first c columns are values."""

    def __init__(self, entries: Tensor, c: int) -> None:
        self._entries = _as_numpy(entries)
        self._dtype, self._device = entries.dtype, entries.device
        b, self._capacity, width = entries.shape
        self._shape = b, c, width - c

    def can_attend(self, q_latent: Tensor, q_rope: Tensor) -> bool:
        """True if they are (b, h, 1, c) and (b, h, 1, r), match the cache and need no gradient."""
        (b, c, r), shape = self._shape, q_latent.shape
        fits = len(shape) == 4 and shape == (b, shape[1], 1, c) and shape[1] > 0
        fits = fits and q_rope.shape == (b, shape[1], 1, r)
        is_same_dtype = q_latent.dtype == q_rope.dtype == self._dtype
        is_same_device = q_latent.device == q_rope.device == self._device
        needs_grad = q_latent.requires_grad or q_rope.requires_grad
        return fits and is_same_dtype and is_same_device and not needs_grad

    def attend(
        self, q_latent: Tensor, q_rope: Tensor, s: int, scale: float, lse: Tensor | None = None
    ) -> Tensor:
        """Output (b, h, 1, c) of q_latent (b, h, 1, c) and q_rope (b, h, 1, r), first s tokens.

        `lse` (b, h) is written as by GroupedSplitKV.
        """
        (b, c, r), h = self._shape, q_latent.shape[1]
        q_latent, latent_strides = _with_contiguous_heads(q_latent)
        q_rope, rope_strides = _with_contiguous_heads(q_rope)
        n_blocks = -(-h // HEADS_PER_BLOCK)
        n_columns = pad_to_lanes(-(-h // n_blocks))
        o = q_latent.new_empty(b, h, 1, c, dtype=OUTPUT_DTYPE[q_latent.dtype])
        latent_loop(
            (o.data_ptr(), 0 if lse is None else lse.data_ptr()),
            TYPE_WITNESS[o.dtype],
            (q_latent.data_ptr(), *latent_strides),
            (q_rope.data_ptr(), *rope_strides),
            self._entries,
            float(scale) * LOG2_E,
            (b, h, c, r, s),
            (n_columns, n_blocks, self._capacity),
            _grid(b * n_blocks, s),
        )
        return o if o.dtype == q_latent.dtype else o.to(q_latent.dtype)


def _with_contiguous_heads(q: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """q, copied unless each head is contiguous, and the strides of sequences and heads."""
    b_stride, h_stride, _, element_stride = q.stride()
    if element_stride == 1:
        return q, (b_stride, h_stride)
    return q.contiguous(), (q.shape[1] * q.shape[3], q.shape[3])


def _grid(n_rows: int, s: int) -> tuple[int, int]:
    """(chunks per row, threads): as many chunks of n_rows independent rows for every thread."""
    n_threads = sync_num_threads()
    return min(n_threads // math.gcd(n_rows, n_threads), -(-s // PAGE)), n_threads


def _as_numpy(x: Tensor) -> np.ndarray:
    return x.view(-1).view(BITS_DTYPE[x.dtype]).numpy()
