"""Preallocated caches whose vectors are quantised when they are appended.

b batch, t new tokens, s cached tokens, h query heads, k K/V heads, d head_dim, v v_head_dim,
c kv_lora_rank, r qk_rope_head_dim.

They hold what a `KVCache` or a `LatentCache` holds, as codes of 8 bits and one float32 scale per
vector: per token and head of K and of V, or per token of a latent with its RoPE key. The kernels
`split_kv` and `triton` read the codes themselves. Any other kernel, and several query tokens,
attend over a dequantised copy, which is also the specification: only the values of `keys` and
`values` count.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gqa_core.configs import (
    GroupedConfig,
    LatentConfig,
    QuantisedFormat,
    validate_quantised_format,
)
from gqa_core.engine.code_store import CodeStore
from gqa_core.engine.kernels.dispatch import record_kernel
from gqa_core.engine.kernels.plan import SPLIT_KV, TRITON, KernelPlan
from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.latent_cache import LatentCache
from gqa_core.engine.quantise import quantise

__all__ = ["QuantisedKVCache", "QuantisedLatentCache", "new_kv_cache", "new_latent_cache"]


def new_kv_cache(
    config: GroupedConfig, kv_format: QuantisedFormat | None, **options: Any
) -> KVCache:
    """An empty KVCache, quantised if a format is given; `options` are those of the class."""
    if kv_format is None:
        return KVCache(config, **options)
    return QuantisedKVCache(config, kv_format=kv_format, **options)


def new_latent_cache(
    config: LatentConfig, kv_format: QuantisedFormat | None, **options: Any
) -> LatentCache:
    """An empty LatentCache, quantised if a format is given; `options` are those of the class."""
    if kv_format is None:
        return LatentCache(config, **options)
    return QuantisedLatentCache(config, kv_format=kv_format, **options)


class QuantisedKVCache(KVCache):
    """K and V of one layer as codes (b, k, capacity, width) and scales (b, k, capacity).

    `dtype` is that of what is appended, of the query and the output; the rest is as of a KVCache.
    A vector with an element that is not finite is read back as NaN in all elements.

    Raises:
        ValueError: as KVCache, or a cache cannot be quantised in this format.
    """

    def __init__(
        self,
        config: GroupedConfig,
        *,
        kv_format: QuantisedFormat = "int8_per_token_head",
        **options: Any,
    ) -> None:
        validate_quantised_format(kv_format)
        self.kv_format: QuantisedFormat = kv_format
        super().__init__(config, **options)

    def _allocate(
        self,
        shape: tuple[int, int, int],
        widths: tuple[int, int],
        plan: KernelPlan,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> tuple[Tensor, ...]:
        d, v = widths
        options: dict[str, Any] = {"kv_format": self.kv_format, "device": device}
        if plan.decode != SPLIT_KV:
            k_store, v_store = CodeStore((*shape, d), **options), CodeStore((*shape, v), **options)
        else:
            from gqa_core.engine.split_kv import quantised_attention as split_kv  # imports numba

            split_kv.load_quantised_kernel(dtype, self.kv_format, is_latent=False)
            options["n_scales"] = -(-shape[2] // PAGE) * PAGE  # the kernel reads whole pages
            k_store = CodeStore((*shape, d), in_pages=True, **options)
            v_store = CodeStore((*shape, v), stored=split_kv.pad_to_lanes(v), **options)
            self._split_kv = split_kv.QuantisedGroupedSplitKV(
                k_store.tensors, v_store.tensors, v, dtype
            )
        self._k_codes, self._v_codes = k_store, v_store
        return *k_store.tensors, *v_store.tensors

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of the codes and scales of the slots."""
        return self._k_codes.slot_bytes + self._v_codes.slot_bytes

    @property
    def scales(self) -> tuple[Tensor, ...]:
        """The scales of K and of V of the filled slots, (b, k, s) each, views."""
        return tuple(x.scales[:, :, : self.length] for x in (self._k_codes, self._v_codes))

    @property
    def keys(self) -> Tensor:
        """K of the filled slots, (b, k, s, d), dequantised: a copy."""
        return self._k_codes.read(self.length, self.dtype)

    @property
    def values(self) -> Tensor:
        """V of the filled slots, (b, k, s, v), dequantised: a copy."""
        return self._v_codes.read(self.length, self.dtype)

    def attend(self, q: Tensor, scale: float | None = None) -> Tensor:
        """Output (b, h, t, v) of q (b, h, t, d), as of a KVCache; `triton` reads the codes."""
        if self.plan.decode != TRITON or not self.length or not _is_one_token(q):
            return super().attend(q, scale)
        from gqa_core.engine.triton_split_kv.attention import grouped_attention  # where installed

        stores = self._k_codes, self._v_codes
        codes, scales = zip(*(store.slots(self.length) for store in stores), strict=True)
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        o, _ = grouped_attention(q, *codes, scale=scale, scales=scales)
        record_kernel(TRITON)
        return o

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Quantise K (b, k, t, d) and V (b, k, t, v) of t tokens into the next slots.

        Raises:
            ValueError: as KVCache; length and contents stay as they were.
        """
        start, end = self._next_slots(k, v)
        new_k, new_v = quantise(k, self.kv_format), quantise(v, self.kv_format)
        self._k_codes.write(start, *new_k)
        self._v_codes.write(start, *new_v)
        self.length = end

    def _fill_slots(self, generator: torch.Generator | None) -> None:
        for codes in (self._k_codes, self._v_codes):
            codes.fill_random(generator)


class QuantisedLatentCache(LatentCache):
    """Latents and RoPE keys as codes (b, 1, capacity, c + r) and scales (b, 1, capacity).

    One scale covers both parts of an entry. `dtype` is that of what is appended, of the query and
    the output; the rest is as of a LatentCache. An entry with an element that is not finite is read
    back as NaN in all elements.

    Raises:
        ValueError: as LatentCache, or a cache cannot be quantised in this format.
    """

    def __init__(
        self,
        config: LatentConfig,
        *,
        kv_format: QuantisedFormat = "int8_per_token_head",
        **options: Any,
    ) -> None:
        validate_quantised_format(kv_format)
        self.kv_format: QuantisedFormat = kv_format
        super().__init__(config, **options)

    def _allocate(
        self,
        shape: tuple[int, int, int],
        plan: KernelPlan,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> tuple[Tensor, ...]:
        b, capacity, width = shape
        self._codes = entries = CodeStore(
            (b, 1, capacity, width), kv_format=self.kv_format, device=device
        )
        if plan.decode == SPLIT_KV:
            from gqa_core.engine.split_kv import quantised_attention as split_kv  # imports numba

            split_kv.load_quantised_kernel(dtype, self.kv_format, is_latent=True)
            codes, scales = (x[:, 0] for x in entries.tensors)
            self._split_kv = split_kv.QuantisedLatentSplitKV(
                codes, scales, self.kv_lora_rank, dtype
            )
        return entries.tensors

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of the codes and scales of the slots."""
        return self._codes.slot_bytes

    @property
    def scales(self) -> tuple[Tensor, ...]:
        """The scales of the filled slots, (b, 1, s), a view."""
        return (self._codes.scales[:, :, : self.length],)

    @property
    def keys(self) -> Tensor:
        """K of the one K/V head, (b, 1, s, c + r), dequantised: a copy."""
        return self._codes.read(self.length, self.dtype)

    def attend(self, q_latent: Tensor, q_rope: Tensor, *, scale: float) -> Tensor:
        """Output (b, h, t, c) of a query, as of a LatentCache; `triton` reads the codes."""
        is_one_token = _is_one_token(q_latent) and _is_one_token(q_rope)
        if self.plan.decode != TRITON or not self.length or not is_one_token or scale is None:
            return super().attend(q_latent, q_rope, scale=scale)
        from gqa_core.engine.triton_split_kv.attention import latent_attention  # where installed

        codes, scales = (x[:, 0] for x in self._codes.slots(self.length))
        o, _ = latent_attention(q_latent, q_rope, codes, scale=scale, scales=scales)
        record_kernel(TRITON)
        return o

    @torch.no_grad()
    def append(self, latent: Tensor, rope_key: Tensor) -> None:
        """Quantise latents (b, t, c) and RoPE keys (b, t, r) of t tokens into the next slots.

        Raises:
            ValueError: as LatentCache; length and contents stay as they were.
        """
        start, end = self._next_slots(latent, rope_key)
        entries = torch.cat((latent, rope_key), dim=-1)[:, None]
        self._codes.write(start, *quantise(entries, self.kv_format))
        self.length = end

    def _fill_slots(self, generator: torch.Generator | None) -> None:
        self._codes.fill_random(generator)


def _is_one_token(q: Tensor) -> bool:
    """True if q is (b, h, 1, width) and needs no gradient."""
    return q.ndim == 4 and q.shape[2] == 1 and not q.requires_grad
