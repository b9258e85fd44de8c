"""SDPA over packed queries: sharing pays, because the cache is read once per K/V head."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from gqa_core.engine.kernels.packing import pack, unpack


def packed(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """scaled_dot_product_attention of (b, k, g * t, d) against K and V as they are."""
    rows, packed_mask = pack(q, k.shape[1], mask)
    o = scaled_dot_product_attention(rows, k, v, attn_mask=packed_mask, scale=scale)
    return unpack(o, q.shape[1])
