"""MLA: keys and values of all heads are up-projected from one cached latent and one RoPE key.

b batch, t new tokens, s cached tokens, h heads, c kv_lora_rank, r qk_rope_head_dim,
n qk_nope_head_dim, v v_head_dim.

A head's score is q_nope . W_UK latent + q_rope . rope_key, its value W_UV latent. The naive form
expands K and V of every head and caches those, which takes as much as an MHA. The absorbed form
moves W_UK to the query (q_nope W_UK, width c) and W_UV behind the weighted sum, and so attends to
the cached latent itself: one K/V head of width c + r. Both compute the same; both scale by
(n + r)^-0.5, the width of the query before W_UK was absorbed into it.

Source: DeepSeek-V2 report (arXiv:2405.04434), section 2.1 and appendix C.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gqa_core.configs import GroupedConfig, LatentConfig, QuantisedFormat
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.latent_cache import LatentCache
from gqa_core.engine.layer import NORM_EPS, AttentionLayer, FactoryKwargs, LayerCache, Query
from gqa_core.engine.quantised_cache import new_kv_cache, new_latent_cache
from gqa_core.engine.rope import DEFAULT_THETA, cos_sin, rotate_interleaved

__all__ = ["LATENT_FORMS", "AbsorbedLatentAttention", "LatentAttention", "NaiveLatentAttention"]


class LatentAttention(AttentionLayer[Query, LayerCache]):
    """The weights of MLA and what both forms share; both forms have the same state_dict.

    Weights, named as in DeepSeek's inference code: norm; wq (h * (n + r), dim), or with a
    q_lora_rank wq_a, q_norm and wq_b; wkv_a (c + r, dim); kv_norm; wkv_b (h * (n + v), c), per head
    W_UK and W_UV; wo (dim, h * v). `checkpoints.deepseek_attention_state` maps the names of a
    Hugging Face checkpoint to these.

    Raises:
        ValueError: qk_rope_head_dim is odd.
    """

    def __init__(
        self,
        config: LatentConfig,
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
        q_width = c.n_heads * c.qk_head_dim
        if c.q_lora_rank is None:
            self.wq = nn.Linear(c.dim, q_width, bias=False, **factory_kwargs)
        else:
            self.wq_a = nn.Linear(c.dim, c.q_lora_rank, bias=False, **factory_kwargs)
            self.q_norm = nn.RMSNorm(c.q_lora_rank, eps=norm_eps, **factory_kwargs)
            self.wq_b = nn.Linear(c.q_lora_rank, q_width, bias=False, **factory_kwargs)
        entry_width = c.kv_lora_rank + c.qk_rope_head_dim
        self.wkv_a = nn.Linear(c.dim, entry_width, bias=False, **factory_kwargs)
        self.kv_norm = nn.RMSNorm(c.kv_lora_rank, eps=norm_eps, **factory_kwargs)
        kv_width = c.n_heads * (c.qk_nope_head_dim + c.v_head_dim)
        self.wkv_b = nn.Linear(c.kv_lora_rank, kv_width, bias=False, **factory_kwargs)
        nn.init.normal_(self.wkv_b.weight, std=c.kv_lora_rank**-0.5)

    def project(self, x: Tensor, start: int) -> tuple[Query, tuple[Tensor, Tensor]]:
        """The form's query and cache entry of x (b, t, dim); the RoPE parts are rotated."""
        c, x = self.config, self.norm(x)
        cos, sin = cos_sin(start, x.shape[1], c.qk_rope_head_dim, x, self.rope_theta)
        q = self._query(x).unflatten(-1, (-1, c.qk_head_dim)).transpose(1, 2)
        q_nope, q_rope = q.split((c.qk_nope_head_dim, c.qk_rope_head_dim), dim=-1)
        latent, rope_key = self.wkv_a(x).split((c.kv_lora_rank, c.qk_rope_head_dim), dim=-1)
        rope_key = rotate_interleaved(rope_key, cos, sin)
        q_rope = rotate_interleaved(q_rope, cos, sin)
        return self.attention_inputs(q_nope, q_rope, self.kv_norm(latent), rope_key)

    @abstractmethod
    def attention_inputs(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[Query, tuple[Tensor, Tensor]]:
        """The query and the cache entry of this form, from the parts that both forms share.

        The parts are q_nope (b, h, t, n), q_rope (b, h, t, r), latent (b, t, c) and rope_key
        (b, t, r).
        """

    @property
    def scale(self) -> float:
        """The factor of the scores in both forms, (n + r)^-0.5."""
        return self.config.qk_head_dim**-0.5

    def _query(self, x: Tensor) -> Tensor:
        """The queries of all heads, (b, t, h * (n + r))."""
        if self.config.q_lora_rank is None:
            return self.wq(x)
        return self.wq_b(self.q_norm(self.wq_a(x)))

    def _up_projections(self) -> tuple[Tensor, Tensor]:
        """W_UK (h, n, c) and W_UV (h, v, c), views of wkv_b: of as many heads as it has."""
        c = self.config
        width = c.qk_nope_head_dim + c.v_head_dim
        per_head = self.wkv_b.weight.view(-1, width, c.kv_lora_rank)
        return per_head[:, : c.qk_nope_head_dim], per_head[:, c.qk_nope_head_dim :]


class NaiveLatentAttention(LatentAttention[Tensor, KVCache]):
    """MLA as it is defined: K and V of every head are expanded, and cached expanded."""

    @property
    def cached_config(self) -> GroupedConfig:
        """The MHA whose K and V the expanded heads are."""
        return self.config.expanded

    def new_cache(
        self,
        batch_size: int,
        capacity: int,
        kernel: str | None = None,
        kv_format: QuantisedFormat | None = None,
    ) -> KVCache:
        """An empty KVCache of `capacity` slots for the expanded heads."""
        return new_kv_cache(
            self.cached_config,
            kv_format,
            batch_size=batch_size,
            capacity=capacity,
            kernel=self.kernel if kernel is None else kernel,
            **self.factory_kwargs,
        )

    def attention_inputs(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """q (b, h, t, n + r), and K (b, h, t, n + r) with V (b, h, t, v)."""
        c = self.config
        widths = (c.qk_nope_head_dim, c.v_head_dim)
        kv = self.wkv_b(latent).unflatten(-1, (-1, sum(widths))).transpose(1, 2)
        k_nope, v = kv.split(widths, dim=-1)
        k_rope = rope_key[:, None].expand(-1, kv.shape[1], -1, -1)
        return torch.cat((q_nope, q_rope), dim=-1), (torch.cat((k_nope, k_rope), dim=-1), v)

    def keys_values(self, new_kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V as they were expanded."""
        return new_kv

    def attend(self, q: Tensor, kv: KVCache | tuple[Tensor, Tensor]) -> Tensor:
        """Output (b, h, t, v), as of an MHA."""
        if isinstance(kv, KVCache):
            return kv.attend(q, scale=self.scale)
        return causal_attention(q, *kv, scale=self.scale, kernel=self.kernel)


class AbsorbedLatentAttention(LatentAttention[tuple[Tensor, Tensor], LatentCache]):
    """MLA over the latent itself: W_UK is absorbed into the query, W_UV applied to the output."""

    @property
    def cached_config(self) -> LatentConfig:
        """The layer's own config."""
        return self.config

    def new_cache(
        self,
        batch_size: int,
        capacity: int,
        kernel: str | None = None,
        kv_format: QuantisedFormat | None = None,
    ) -> LatentCache:
        """An empty LatentCache of `capacity` slots."""
        return new_latent_cache(
            self.config,
            kv_format,
            batch_size=batch_size,
            capacity=capacity,
            kernel=self.kernel if kernel is None else kernel,
            **self.factory_kwargs,
        )

    def attention_inputs(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """q (b, h, t, c) and (b, h, t, r), and the latent (b, t, c) with its RoPE key (b, t, r)."""
        w_uk, _ = self._up_projections()
        return (torch.einsum("bhtn,hnc->bhtc", q_nope, w_uk), q_rope), (latent, rope_key)

    def keys_values(self, new_kv: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K (b, 1, t, c + r), and V (b, 1, t, c) as a view of it."""
        k = torch.cat(new_kv, dim=-1)[:, None]
        return k, k[..., : self.config.kv_lora_rank]

    def attend(self, q: tuple[Tensor, Tensor], kv: LatentCache | tuple[Tensor, Tensor]) -> Tensor:
        """Weighted sums of latents, (b, h, t, c)."""
        if isinstance(kv, LatentCache):
            return kv.attend(*q, scale=self.scale)
        return causal_attention(torch.cat(q, dim=-1), *kv, scale=self.scale, kernel=self.kernel)

    def output(self, o: Tensor) -> Tensor:
        """o (b, h, t, c) up-projected to values by W_UV, then in model width, (b, t, dim)."""
        _, w_uv = self._up_projections()
        return super().output(torch.einsum("bhtc,hvc->bhtv", o, w_uv))


LATENT_FORMS: dict[str, type[LatentAttention[Any, Any]]] = {
    "absorbed": AbsorbedLatentAttention,
    "naive": NaiveLatentAttention,
}
