"""MHA, GQA and MQA: one module, told apart by the number of K/V heads.

b batch, t new tokens, h query heads, k K/V heads, d head_dim, v v_head_dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gqa_core.configs import GroupedConfig
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.cache import KVCache
from gqa_core.engine.layer import AttentionLayer
from gqa_core.engine.rope import rotate_halves, rotation


class GroupedAttention(AttentionLayer):
    """Grouped attention; RoPE turns the halves of whole heads, as in Llama.

    Raises:
        ValueError: head_dim is odd.
    """

    def __init__(
        self,
        config: GroupedConfig,
        *,
        kernel: str = "auto",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(config, dtype, device)
        self.kernel = kernel
        c = config
        self.wq = nn.Linear(c.dim, c.n_heads * c.head_dim, bias=False, **self.like)
        self.wk = nn.Linear(c.dim, c.n_kv_heads * c.head_dim, bias=False, **self.like)
        self.wv = nn.Linear(c.dim, c.n_kv_heads * c.v_head_dim, bias=False, **self.like)

    def new_cache(self, batch_size: int, capacity: int, kernel: str | None = None) -> KVCache:
        """An empty KVCache of `capacity` slots, laid out for the layer's kernel unless given."""
        how = {"batch_size": batch_size, "capacity": capacity, "kernel": kernel or self.kernel}
        return KVCache(self.config, **how, **self.like)

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """q (b, h, t, d), and K (b, k, t, d) with V (b, k, t, v); q and K are rotated."""
        c, x = self.config, self.norm(x)
        turn = rotation(start, x.shape[1], c.head_dim, like=x)
        q = rotate_halves(_heads(self.wq(x), c.n_heads), *turn)
        k = rotate_halves(_heads(self.wk(x), c.n_kv_heads), *turn)
        return q, (k, _heads(self.wv(x), c.n_kv_heads))

    def keys_values(self, entry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V as they were projected."""
        return entry

    def attend(self, q: Tensor, over: KVCache | tuple[Tensor, Tensor]) -> Tensor:
        """(b, h, t, v) by the kernel this layer was given."""
        if isinstance(over, KVCache):
            return over.attend(q)
        return causal_attention(q, *over, kernel=self.kernel)


def _heads(x: Tensor, n_heads: int) -> Tensor:
    """(b, t, n * width) -> (b, n, t, width)."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)
