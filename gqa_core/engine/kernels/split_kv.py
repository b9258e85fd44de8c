"""Split-KV attention bound to a cache's storage: what is known before a call is not asked in it.

b batch, k K/V heads, h query heads, s cached tokens, d width of a key, v of a value,
c kv_lora_rank, r qk_rope_head_dim.

A call makes one tensor, the output, and enters compiled code with addresses. Each call of torch's
takes 15 to 45 us after other work has emptied the processor's cache, and a call that prepared its
operands with torch took 0.3 ms that way, 0.07 now (2 Xeon cores). How it attends is told in
`split_kv_loops`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from gqa_core.engine.kernels import resolve_layout
from gqa_core.engine.kernels.compile_cache import seal
from gqa_core.engine.kernels.split_kv_loops import grouped_loop, latent_loop
from gqa_core.engine.kernels.threads import agreed_threads, launch_threads
from gqa_core.engine.kernels.vectors import LANES
from gqa_core.engine.key_layouts import PAGE, KeysInPages

DTYPES = {torch.float32: torch.float32, torch.bfloat16: torch.uint16, torch.float16: torch.int16}
WRITTEN = {one: torch.float32 if one == torch.float16 else one for one in DTYPES}
LIKE = {torch.float32: np.float32(0), torch.bfloat16: np.uint16(0)}  # an output's numbers
HEADS_AT_ONCE = 64  # of latent attention: their queries and sums fit a core's cache of 1 MB
LOG2_E = math.log2(math.e)


def split_kv(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v of one token, K and V laid out for it first: a copy of both.

    Raises:
        ValueError: a dtype that it does not serve, or not a CPU.
    """
    resolve_layout("split_kv", k.dtype, k.device, k.shape[2])
    prepare(k.dtype, is_latent=False)
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
    launch_threads()
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
    """

    def __init__(self, pages: Tensor, values: Tensor, width: int) -> None:
        self._pages, self._values, self._like = _flat(pages), _flat(values), _like(pages)
        (b, k, n_pages, d, _), (_, _, capacity, stored) = pages.shape, values.shape
        self._shape = b, k, d, width
        self._strides = n_pages * PAGE * d, capacity * stored, stored

    def serves(self, q: Tensor) -> bool:
        """Whether q is (b, h, 1, d), fits, and wants no gradient."""
        (b, k, d, _), shape = self._shape, q.shape
        fits = len(shape) == 4 and shape == (b, shape[1], 1, d) and shape[1] % k == 0
        return fits and _like(q) == self._like and not q.requires_grad

    def attend(self, q: Tensor, s: int, scale: float) -> Tensor:
        """Output (b, h, 1, v) of q (b, h, 1, d) over the first s tokens."""
        (b, k, d, v), h = self._shape, q.shape[1]
        q, (by_batch, by_head) = _in_rows(q)
        o = torch.empty(b, h, 1, v, dtype=WRITTEN[q.dtype])
        grouped_loop(
            o.data_ptr(),
            LIKE[o.dtype],
            q.data_ptr(),
            self._pages,
            self._values,
            scale * LOG2_E,
            (b, k, h // k, d, v, s),
            (by_batch, by_head, *self._strides),
            _counts(b * k, s),
        )
        return o if o.dtype == q.dtype else o.to(q.dtype)


class LatentSplitKV:
    """Attention over entries (b, capacity, c + r), contiguous, whose first c columns are values."""

    def __init__(self, entries: Tensor, c: int) -> None:
        self._entries, self._like = _flat(entries), _like(entries)
        b, self._capacity, width = entries.shape
        self._shape = b, c, width - c

    def serves(self, q_latent: Tensor, q_rope: Tensor) -> bool:
        """Whether they are (b, h, 1, c) and (b, h, 1, r), fit, and want no gradient."""
        (b, c, r), shape = self._shape, q_latent.shape
        fits = len(shape) == 4 and shape == (b, shape[1], 1, c)
        fits = fits and q_rope.shape == (b, shape[1], 1, r)
        is_like = _like(q_latent) == _like(q_rope) == self._like
        return fits and is_like and not (q_latent.requires_grad or q_rope.requires_grad)

    def attend(self, q_latent: Tensor, q_rope: Tensor, s: int, scale: float) -> Tensor:
        """Output (b, h, 1, c) of q_latent (b, h, 1, c) and q_rope (b, h, 1, r), first s tokens."""
        (b, c, r), h = self._shape, q_latent.shape[1]
        (q_latent, latent_strides), (q_rope, rope_strides) = _in_rows(q_latent), _in_rows(q_rope)
        n_blocks = -(-h // HEADS_AT_ONCE)
        n_columns = whole_vectors(-(-h // n_blocks))
        o = torch.empty(b, h, 1, c, dtype=WRITTEN[q_latent.dtype])
        latent_loop(
            o.data_ptr(),
            LIKE[o.dtype],
            (q_latent.data_ptr(), *latent_strides),
            (q_rope.data_ptr(), *rope_strides),
            self._entries,
            scale * LOG2_E,
            (b, h, c, r, s),
            (n_columns, n_blocks, self._capacity),
            _counts(b * n_blocks, s),
        )
        return o if o.dtype == q_latent.dtype else o.to(q_latent.dtype)


def _like(x: Tensor) -> tuple[torch.dtype, torch.device]:
    return x.dtype, x.device


def _in_rows(q: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """q, copied unless each head's numbers lie side by side; how far apart sequences and heads."""
    by_batch, by_head, _, by_number = q.stride()
    if by_number == 1:
        return q, (by_batch, by_head)
    return q.contiguous(), (q.shape[1] * q.shape[3], q.shape[3])


def _counts(n_rows: int, s: int) -> tuple[int, int]:
    """Chunks for each of n_rows independent rows, as many for every thread; and the threads."""
    n_threads = agreed_threads()
    return min(n_threads // math.gcd(n_rows, n_threads), -(-s // PAGE)), n_threads


def _flat(x: Tensor) -> np.ndarray:
    return x.view(-1).view(DTYPES[x.dtype]).numpy()
