"""Two plain matrix products over packed queries: nothing repeated, all scores written out.

On a CPU this beats SDPA where SDPA has no fast path: one query row in bfloat16, and K and V of
different widths (absorbed MLA). Its price is a transient of b h t s scores.
"""

from __future__ import annotations

from torch import Tensor

from gqa_core.engine.kernels.packing import pack, unpack
from gqa_core.engine.kernels.plain import plain_attention


def matmul(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v of (b, k, g * t, d) against K and V as they are."""
    rows, packed_mask = pack(q, k.shape[1], mask)
    return unpack(plain_attention(rows, k, v, scale, packed_mask), q.shape[1])
