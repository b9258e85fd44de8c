"""MLA: keys and values of all heads unfold from one cached latent and one rotary key.

b batch, t new tokens, s cached tokens, h heads, c kv_lora_rank, r qk_rope_head_dim,
n qk_nope_head_dim, v v_head_dim.

A head's score is q_nope . W_UK latent + q_rope . rope_key, its value W_UV latent. The naive form
unfolds K and V of every head and caches those, as large as an MHA's. The absorbed form moves W_UK
to the query (q_nope W_UK, width c) and W_UV behind the weighted sum, and so attends over the cached
latent itself: one K/V head of width c + r. Both compute the same; both scale by
(n + r)^-0.5, the width of the query before it was folded.

Source: DeepSeek-V2 report (arXiv:2405.04434), section 2.1 and appendix C.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from gqa_core.configs import LatentConfig
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.cache import KVCache, LatentCache
from gqa_core.engine.layer import NORM_EPS, AttentionLayer
from gqa_core.engine.rope import rotate_interleaved, rotation


class LatentAttention(AttentionLayer):
    """The weights of MLA and what both forms share; the forms have the same state_dict.

    Raises:
        ValueError: qk_rope_head_dim is odd.
    """

    def __init__(
        self,
        config: LatentConfig,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(config, dtype, device)
        c = config
        query = c.n_heads * c.qk_head_dim
        if c.q_lora_rank is None:
            self.wq = nn.Linear(c.dim, query, bias=False, **self.like)
        else:
            self.wq = nn.Sequential(
                nn.Linear(c.dim, c.q_lora_rank, bias=False, **self.like),
                nn.RMSNorm(c.q_lora_rank, eps=NORM_EPS, **self.like),
                nn.Linear(c.q_lora_rank, query, bias=False, **self.like),
            )
        down = c.kv_lora_rank + c.qk_rope_head_dim
        self.w_dkv = nn.Linear(c.dim, down, bias=False, **self.like)
        self.kv_norm = nn.RMSNorm(c.kv_lora_rank, eps=NORM_EPS, **self.like)
        self.w_uk = _up_projection(c.n_heads, c.qk_nope_head_dim, c.kv_lora_rank, self.like)
        self.w_uv = _up_projection(c.n_heads, c.v_head_dim, c.kv_lora_rank, self.like)

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The form's query and cache entry of x (b, t, dim); all rotary parts are rotated."""
        c, x = self.config, self.norm(x)
        turn = rotation(start, x.shape[1], c.qk_rope_head_dim, like=x)
        q = self.wq(x).unflatten(-1, (c.n_heads, c.qk_head_dim)).transpose(1, 2)
        q_nope, q_rope = q.split((c.qk_nope_head_dim, c.qk_rope_head_dim), dim=-1)
        latent, rope_key = self.w_dkv(x).split((c.kv_lora_rank, c.qk_rope_head_dim), dim=-1)
        rope_key = rotate_interleaved(rope_key, *turn)
        return self.fold(q_nope, rotate_interleaved(q_rope, *turn), self.kv_norm(latent), rope_key)

    @abstractmethod
    def fold(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The query and the cache entry of this form, from the parts both forms share.

        Absorbed, the query has two parts, as the entry has.

        q_nope (b, h, t, n), q_rope (b, h, t, r), latent (b, t, c), rope_key (b, t, r).
        """

    @property
    def scale(self) -> float:
        """What scores are multiplied by: as the unfolded query is wide, in both forms."""
        return self.config.qk_head_dim**-0.5


class NaiveLatentAttention(LatentAttention):
    """MLA as it is defined: K and V of every head are unfolded, and cached unfolded."""

    def new_cache(self, batch_size: int, capacity: int, kernel: str | None = None) -> KVCache:
        """An empty KVCache of `capacity` slots for the expanded heads."""
        how = {"batch_size": batch_size, "capacity": capacity, "kernel": kernel or "auto"}
        return KVCache(self.config.expanded, **how, **self.like)

    def fold(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """q (b, h, t, n + r), and K (b, h, t, n + r) with V (b, h, t, v)."""
        k_nope = torch.einsum("btc,hnc->bhtn", latent, self.w_uk)
        k_rope = rope_key[:, None].expand(-1, self.config.n_heads, -1, -1)
        v = torch.einsum("btc,hvc->bhtv", latent, self.w_uv)
        return torch.cat((q_nope, q_rope), dim=-1), (torch.cat((k_nope, k_rope), dim=-1), v)

    def keys_values(self, entry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K and V as they were unfolded."""
        return entry

    def attend(self, q: Tensor, over: KVCache | tuple[Tensor, Tensor]) -> Tensor:
        """(b, h, t, v), as an MHA's."""
        if isinstance(over, KVCache):
            return over.attend(q, scale=self.scale)
        return causal_attention(q, *over, scale=self.scale)


class AbsorbedLatentAttention(LatentAttention):
    """MLA over the latent itself: W_UK is folded into the query, W_UV applied to the output."""

    def new_cache(self, batch_size: int, capacity: int, kernel: str | None = None) -> LatentCache:
        """An empty LatentCache of `capacity` slots."""
        how = {"batch_size": batch_size, "capacity": capacity, "kernel": kernel or "auto"}
        return LatentCache(self.config, **how, **self.like)

    def fold(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, rope_key: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """q (b, h, t, c) and (b, h, t, r), and the latent (b, t, c) with its key (b, t, r)."""
        return (torch.einsum("bhtn,hnc->bhtc", q_nope, self.w_uk), q_rope), (latent, rope_key)

    def keys_values(self, entry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """K (b, 1, t, c + r), and V (b, 1, t, c) as a view of it."""
        k = torch.cat(entry, dim=-1)[:, None]
        return k, k[..., : self.config.kv_lora_rank]

    def attend(self, q: tuple[Tensor, Tensor], over: LatentCache | tuple[Tensor, Tensor]) -> Tensor:
        """(b, h, t, c): weighted sums of latents."""
        if isinstance(over, LatentCache):
            return over.attend(*q, scale=self.scale)
        return causal_attention(torch.cat(q, dim=-1), *over, scale=self.scale)

    def output(self, o: Tensor) -> Tensor:
        """o (b, h, t, c) unfolded to values by W_UV, then back in model width."""
        return super().output(torch.einsum("bhtc,hvc->bhtv", o, self.w_uv))


LATENT_FORMS = {"absorbed": AbsorbedLatentAttention, "naive": NaiveLatentAttention}


def _up_projection(h: int, width: int, rank: int, like: dict) -> nn.Parameter:
    """A matrix (h, width, c) that unfolds a latent into one vector a head."""
    return nn.Parameter(torch.empty(h, width, rank, **like).normal_(std=rank**-0.5))
