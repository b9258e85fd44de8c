"""The preallocated cache of absorbed MLA: one latent and one RoPE key for all heads.

b batch, t new tokens, s cached tokens, h heads, c kv_lora_rank, r qk_rope_head_dim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from gqa_core.configs import LatentConfig
from gqa_core.engine.attend import attention_with_lse, causal_attention
from gqa_core.engine.base_cache import BaseCache, validate_slots
from gqa_core.engine.kernels.dispatch import record_kernel
from gqa_core.engine.kernels.plan import SPLIT_KV, TRITON, KernelPlan, plan_kernels
from gqa_core.engine.storage import huge_page_empty
from gqa_core.engine.validation import AppendSpec

if TYPE_CHECKING:
    from gqa_core.engine.split_kv.attention import LatentSplitKV

__all__ = ["LatentCache"]


class LatentCache(BaseCache):
    """One tensor (b, capacity, c + r) per layer: the latent, followed by the RoPE key.

    K is the whole entry and V its first c columns, both for one K/V head, so that absorbed
    attention reads what is stored once. Every kernel reads this storage as it is.

    Raises:
        ValueError: a size is out of bounds, the dtype is no float, no kernel has that name, or the
            kernel cannot serve such a cache.
    """

    def __init__(
        self,
        config: LatentConfig,
        *,
        batch_size: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str,
        kernel: str = "auto",
    ) -> None:
        validate_slots(batch_size, capacity, dtype)
        plan = plan_kernels(
            config,
            dtype=dtype,
            device=device,
            capacity=capacity,
            kernel=kernel,
            kv_format=self.kv_format,
        )
        self.kv_lora_rank = config.kv_lora_rank
        self._split_kv: LatentSplitKV | None = None
        widths = config.kv_lora_rank, config.qk_rope_head_dim
        storage = self._allocate((batch_size, capacity, sum(widths)), plan, dtype, device)
        names, letters = ("latent", "rope_key"), ("(b, t, c)", "(b, t, r)")
        spec = AppendSpec(names, letters, (batch_size,), widths, dtype, storage[0].device)
        super().__init__(spec, plan, capacity, *storage)

    def _allocate(
        self,
        shape: tuple[int, int, int],
        plan: KernelPlan,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> tuple[Tensor, ...]:
        """The storage of the entries (b, capacity, c + r) for the plan's kernel."""
        self._entries = huge_page_empty(shape, dtype=dtype, device=device)
        if plan.decode == SPLIT_KV:
            from gqa_core.engine.split_kv import attention as split_kv  # imports numba

            split_kv.load_kernel(dtype, is_latent=True)
            self._split_kv = split_kv.LatentSplitKV(self._entries, self.kv_lora_rank)
        return (self._entries,)

    @classmethod
    def from_tensors(
        cls, latent: Tensor, rope_key: Tensor, kernel: str = "auto", **options: Any
    ) -> Self:
        """A full cache with copies of latents (b, s, c) and RoPE keys (b, s, r).

        `options` are further arguments of the class.

        Raises:
            ValueError: they do not match each other, or as `LatentCache`.
        """
        if not latent.ndim == rope_key.ndim == 3 or latent.shape[:2] != rope_key.shape[:2]:
            shapes = f"got {tuple(latent.shape)} and {tuple(rope_key.shape)}"
            raise ValueError(f"latent must be (b, s, c) and rope_key (b, s, r): {shapes}")
        b, s, c = latent.shape
        config = LatentConfig(  # a cache does not depend on the other sizes
            n_heads=1,
            kv_lora_rank=c,
            qk_rope_head_dim=rope_key.shape[2],
            qk_nope_head_dim=1,
            v_head_dim=1,
        )
        options |= {"kernel": kernel, "dtype": latent.dtype, "device": latent.device}
        cache = cls(config, batch_size=b, capacity=s, **options)
        cache.append(latent, rope_key)
        return cache

    @property
    def latent(self) -> Tensor:
        """The latents of the filled slots, (b, s, c), a view."""
        return self.values[:, 0]

    @property
    def rope_key(self) -> Tensor:
        """The RoPE keys of the filled slots, (b, s, r), a view."""
        return self.keys[:, 0, :, self.kv_lora_rank :]

    @property
    def keys(self) -> Tensor:
        """K of the one K/V head, (b, 1, s, c + r), a view."""
        return self._entries[:, None, : self.length]

    @property
    def values(self) -> Tensor:
        """V of the one K/V head, (b, 1, s, c), a view of the same storage."""
        return self.keys[..., : self.kv_lora_rank]

    @torch.no_grad()
    def append(self, latent: Tensor, rope_key: Tensor) -> None:
        """Write latents (b, t, c) and RoPE keys (b, t, r) of t tokens into the next slots.

        Raises:
            ValueError: a tensor has another shape, dtype or device than the cache, or fewer than t
                slots are free; length and contents stay as they were.
        """
        start, end = self._next_slots(latent, rope_key)
        self._entries[:, start:end, : self.kv_lora_rank] = latent
        self._entries[:, start:end, self.kv_lora_rank :] = rope_key
        self.length = end

    def attend(self, q_latent: Tensor, q_rope: Tensor, *, scale: float) -> Tensor:
        """Output (b, h, t, c) of q_latent (b, h, t, c) and the rotated q_rope (b, h, t, r).

        `scale` is (qk_nope_head_dim + qk_rope_head_dim) ** -0.5, by the width of the query before
        W_UK was absorbed into it.

        Raises:
            ValueError: the query has another shape, dtype or device than the cache, the cache is
                empty, or `scale` is None.
        """
        if scale is None:  # the default of torch is by the absorbed width
            raise ValueError("scale must be given, by the width before absorption: got None")
        if (
            self._split_kv is not None
            and self.length
            and self._split_kv.can_attend(q_latent, q_rope)
        ):
            record_kernel(SPLIT_KV)
            return self._split_kv.attend(q_latent, q_rope, self.length, scale)
        self._validate_query(q_latent, q_rope)
        needs_grad = q_latent.requires_grad or q_rope.requires_grad
        if self.plan.decode == TRITON and q_latent.shape[2] == 1 and not needs_grad:
            from gqa_core.engine.triton_split_kv.attention import latent_attention

            record_kernel(TRITON)
            o, _ = latent_attention(q_latent, q_rope, self.keys[:, 0], scale=scale)
            return o
        q = torch.cat((q_latent, q_rope), dim=-1)
        return causal_attention(q, self.keys, self.values, scale=scale, kernel=self.plan.prefill)

    def attend_with_lse(
        self, q_latent: Tensor, q_rope: Tensor, *, scale: float
    ) -> tuple[Tensor, Tensor]:
        """Output (b, h, 1, c) of one token's query, and its natural log-sum-exp (b, h), float32.

        Kernels as of `KVCache.attend_with_lse`, `scale` as of `attend`.

        Raises:
            ValueError: as `attend`.
        """
        if (
            self._split_kv is not None
            and self.length
            and self._split_kv.can_attend(q_latent, q_rope)
        ):
            record_kernel(SPLIT_KV)
            lse = q_latent.new_empty(q_latent.shape[:2], dtype=torch.float32)
            return self._split_kv.attend(q_latent, q_rope, self.length, scale, lse), lse
        self._validate_query(q_latent, q_rope)
        if self.plan.decode == TRITON:
            from gqa_core.engine.triton_split_kv.attention import latent_attention

            record_kernel(TRITON)
            return latent_attention(q_latent, q_rope, self.keys[:, 0], scale=scale)
        q = torch.cat((q_latent, q_rope), dim=-1)
        return attention_with_lse(self.plan.decode, q, self.keys, self.values, scale=scale)

    def _validate_query(self, q_latent: Tensor, q_rope: Tensor) -> None:
        """Raise ValueError unless the two parts can be joined to one query of this cache."""
        c, r = self._spec.widths
        heads = q_latent.shape[:3]
        if q_latent.shape != (*heads, c) or q_rope.shape != (*heads, r) or q_latent.ndim != 4:
            raise ValueError(
                f"q_latent must be (b, h, t, {c}) and q_rope (b, h, t, {r}): "
                f"got {tuple(q_latent.shape)} and {tuple(q_rope.shape)}"
            )
        if q_latent.dtype != q_rope.dtype or q_latent.device != q_rope.device:
            raise ValueError(
                "q_latent and q_rope must share dtype and device: got "
                f"{q_latent.dtype} on {q_latent.device} and {q_rope.dtype} on {q_rope.device}"
            )
