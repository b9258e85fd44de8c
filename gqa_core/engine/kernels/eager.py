"""The textbook: repeat every K/V head for its queries, then two matrix products.

Repeating writes h / k copies of the cache before it is read, so the sharing saves nothing in time
and costs a transient as large as an MHA cache. That is the point of having it here.
"""

from __future__ import annotations

from torch import Tensor

from gqa_core.engine.kernels.plain import plain_attention


def share_heads(x: Tensor, q_per_kv: int) -> Tensor:
    """K or V of each query head, (b, k, s, *) -> (b, k * g, s, *): query head i reads i // g."""
    return x.repeat_interleave(q_per_kv, dim=1)


def eager(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v with K and V repeated to n_heads."""
    q_per_kv = q.shape[1] // k.shape[1]
    return plain_attention(q, share_heads(k, q_per_kv), share_heads(v, q_per_kv), scale, mask)
