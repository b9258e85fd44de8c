"""torch's own call, told that the heads are grouped.

`enable_gqa` lets `scaled_dot_product_attention` match query heads to K/V heads itself. On a CPU it
is no faster than not sharing, and slow where the widths of K and V differ; it is measured because
it is what most people call.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def sdpa(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """scaled_dot_product_attention(..., enable_gqa=True)."""
    return scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=True)
