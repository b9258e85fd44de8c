"""Folding the queries of one K/V head into the query-length axis, and back.

Heads that share K and V are then simply more rows against the same matrix: nothing is repeated,
and each byte of the cache can serve all its queries while it is near.
"""

from __future__ import annotations

from torch import Tensor


def pack(q: Tensor, n_kv_heads: int, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """q (b, h, t, d) -> (b, k, g * t, d), the mask (t, s) -> (g * t, s); row g' * t + t'."""
    b, h, t, d = q.shape
    q_per_kv = h // n_kv_heads
    packed_mask = None if mask is None else mask.repeat(q_per_kv, 1)
    return q.reshape(b, n_kv_heads, q_per_kv * t, d), packed_mask


def unpack(o: Tensor, n_heads: int) -> Tensor:
    """o (b, k, g * t, v) -> (b, h, t, v)."""
    b, n_kv_heads, rows, v = o.shape
    return o.reshape(b, n_heads, n_kv_heads * rows // n_heads, v)
