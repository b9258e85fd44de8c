"""MHA, GQA and MQA: one layer, which differ in the number of K/V heads.

b batch, t new tokens, h query heads, k K/V heads, d head_dim, v v_head_dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gqa_core.configs import GroupedConfig, QuantisedFormat
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.layer import NORM_EPS, AttentionLayer, FactoryKwargs
from gqa_core.engine.quantised_cache import new_kv_cache
from gqa_core.engine.rope import DEFAULT_THETA, cos_sin, rotate_halves

__all__ = ["GroupedAttention"]


class GroupedAttention(AttentionLayer[Tensor, KVCache]):
    """Grouped attention; RoPE rotates the halves of whole heads, as in Hugging Face's Llama.

    Weights: norm, wq (h * d, dim), wk (k * d, dim), wv (k * v, dim), wo (dim, h * v).
    `checkpoints.llama_attention_state` maps the names of a Llama checkpoint to these.

    Raises:
        ValueError: head_dim is odd.
    """

    def __init__(
        self,
        config: GroupedConfig,
        *,
        kernel: str = "auto",
        norm_eps: float = NORM_EPS,
        rope_theta: float = DEFAULT_THETA,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        factory_kwargs: FactoryKwargs = {"dtype": dtype, "device": device}
        super().__init__(
            config, kernel=kernel, norm_eps=norm_eps, rope_theta=rope_theta, **factory_kwargs
        )
        self.config = c = config
        self.wq = nn.Linear(c.dim, c.n_heads * c.head_dim, bias=False, **factory_kwargs)
        self.wk = nn.Linear(c.dim, c.n_kv_heads * c.head_dim, bias=False, **factory_kwargs)
        self.wv = nn.Linear(c.dim, c.n_kv_heads * c.v_head_dim, bias=False, **factory_kwargs)

    @property
    def cached_config(self) -> GroupedConfig:
        """The layer's own config."""
        return self.config

    def new_cache(
        self,
        batch_size: int,
        capacity: int,
        kernel: str | None = None,
        kv_format: QuantisedFormat | None = None,
    ) -> KVCache:
        """An empty KVCache of `capacity` slots, for the layer's own kernel unless given."""
        return new_kv_cache(
            self.config,
            kv_format,
            batch_size=batch_size,
            capacity=capacity,
            kernel=self.kernel if kernel is None else kernel,
            **self.factory_kwargs,
        )

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """q (b, h, t, d), and K (b, k, t, d) with V (b, k, t, v); q and K are rotated."""
        c, x = self.config, self.norm(x)
        cos, sin = cos_sin(start, x.shape[1], c.head_dim, x, self.rope_theta)
        q = rotate_halves(_split_heads(self.wq(x), c.head_dim), cos, sin)
        k = rotate_halves(_split_heads(self.wk(x), c.head_dim), cos, sin)
        return q, (k, _split_heads(self.wv(x), c.v_head_dim))

    def keys_values(self, new_kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V as they were projected."""
        return new_kv

    def attend(self, q: Tensor, kv: KVCache | tuple[Tensor, Tensor]) -> Tensor:
        """Output (b, h, t, v) of the cache's kernel, or without a cache of the layer's."""
        if isinstance(kv, KVCache):
            return kv.attend(q)
        return causal_attention(q, *kv, kernel=self.kernel)


def _split_heads(x: Tensor, width: int) -> Tensor:
    """(b, t, n * width) -> (b, n, t, width): as many heads as the weights have."""
    return x.unflatten(-1, (-1, width)).transpose(1, 2)
