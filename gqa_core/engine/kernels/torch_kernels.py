"""Attention by torch's own operations, five ways, over plain tensors.

b batch, t query tokens, s cached tokens, h query heads, k K/V heads, g queries per K/V head,
d head_dim, v v_head_dim.

All take (q, k, v, *, scale, mask) with q (b, h, t, d), k (b, k, s, d), v (b, k, s, v) and a boolean
mask (t, s) or None, and return (b, h, t, v). They differ in what sharing heads saves:

* `eager`, the textbook: every K/V head is repeated for its queries. That writes g copies of the
  cache before it is read, so sharing saves no time and costs a transient as large as an MHA cache.
  Showing this is its purpose.
* `sdpa`: `scaled_dot_product_attention` with `enable_gqa`. On a CPU it is no faster than MHA, and
  slow if K and V have different widths; it is measured because most people call it.
* `packed`: the g queries of a K/V head become g rows against the same K and V. Nothing is repeated,
  and the cache is read once per K/V head.
* `matmul`: two matrix products over packed queries. On a CPU it is faster than SDPA where SDPA has
  no fast path: one query row in bfloat16, and K and V of different widths (absorbed MLA). It
  writes out all b h t s scores.
* `flash`: SDPA pinned to flash attention, with `enable_gqa`. On CUDA it packs rows and splits the
  context; pinned, torch raises where it cannot serve, and never repeats K and V on its math path.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from gqa_core.configs import ConcreteKernel
from gqa_core.engine.kernels.record import record_sdpa_backend

__all__ = ["eager", "flash", "matmul", "matmul_with_lse", "packed", "repeat_kv", "sdpa"]


def eager(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v with K and V repeated to n_heads."""
    q_per_kv = q.shape[1] // k.shape[1]
    return _attention(q, repeat_kv(k, q_per_kv), repeat_kv(v, q_per_kv), scale, mask)


def sdpa(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """scaled_dot_product_attention(..., enable_gqa=True)."""
    return _sdpa("sdpa", q, k, v, mask, scale, enable_gqa=True)


def flash(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """scaled_dot_product_attention(..., enable_gqa=True) by flash attention and no other backend.

    Raises:
        RuntimeError: flash attention cannot serve such tensors.
    """
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return _sdpa("flash", q, k, v, mask, scale, enable_gqa=True)


def packed(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """scaled_dot_product_attention of queries packed as (b, k, g * t, d)."""
    rows, row_mask = _pack(q, k.shape[1], mask)
    return _unpack(_sdpa("packed", rows, k, v, row_mask, scale, enable_gqa=False), q.shape[1])


def matmul(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v of queries packed as (b, k, g * t, d)."""
    rows, row_mask = _pack(q, k.shape[1], mask)
    return _unpack(_attention(rows, k, v, scale, row_mask), q.shape[1])


def matmul_with_lse(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, v) of `matmul` for one token, and its natural log-sum-exp (b, h)."""
    rows, _ = _pack(q, k.shape[1], None)
    scores = _scores(rows, k, scale)
    lse = torch.logsumexp(scores, dim=-1)
    o = torch.exp(scores - lse[..., None]).to(v.dtype) @ v
    return _unpack(o, q.shape[1]), lse.flatten(1).float()


def repeat_kv(x: Tensor, q_per_kv: int) -> Tensor:
    """K or V per query head, (b, k, s, *) -> (b, k * g, s, *): query head i reads i // g."""
    return x.repeat_interleave(q_per_kv, dim=1)


def _sdpa(
    name: ConcreteKernel,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    scale: float,
    *,
    enable_gqa: bool,
) -> Tensor:
    """SDPA's output; the backend that serves it is recorded under the kernel's name."""
    record_sdpa_backend(name, q, k, v, mask=mask, scale=scale, enable_gqa=enable_gqa)
    return scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=enable_gqa)


def _attention(q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v for heads that match one to one, (b, h, t, v).

    Scores leave the product in q's dtype; they are scaled and normalised in float32 or wider.
    """
    scores = _scores(q, k, scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v


def _scores(q: Tensor, k: Tensor, scale: float) -> Tensor:
    """q k^T scale, scaled in float32 or wider."""
    scores = q @ k.transpose(-1, -2)
    return scores.to(torch.promote_types(scores.dtype, torch.float32)) * scale


def _pack(q: Tensor, n_kv_heads: int, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """q (b, h, t, d) -> (b, k, g * t, d) and the mask (t, s) -> (g * t, s), query-major."""
    b, h, t, d = q.shape
    q_per_kv = h // n_kv_heads
    row_mask = None if mask is None else mask.repeat(q_per_kv, 1)
    return q.reshape(b, n_kv_heads, q_per_kv * t, d), row_mask


def _unpack(o: Tensor, n_heads: int) -> Tensor:
    """o (b, k, g * t, v) -> (b, h, t, v)."""
    b, n_kv_heads, rows, v = o.shape
    return o.reshape(b, n_heads, n_kv_heads * rows // n_heads, v)
