"""The preallocated cache of grouped attention: keys and values per K/V head.

b batch, t new tokens, s cached tokens, h query heads, k K/V heads, d head_dim, v v_head_dim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig
from gqa_core.engine.attend import attention_with_lse, causal_attention
from gqa_core.engine.base_cache import BaseCache, validate_slots
from gqa_core.engine.kernels.dispatch import record_kernel
from gqa_core.engine.kernels.plan import SPLIT_KV, KernelPlan, plan_kernels
from gqa_core.engine.key_layouts import KeysByToken, KeysInPages
from gqa_core.engine.storage import huge_page_empty
from gqa_core.engine.validation import AppendSpec, validate_kv

if TYPE_CHECKING:
    from gqa_core.engine.split_kv.attention import GroupedSplitKV

__all__ = ["KVCache"]


class KVCache(BaseCache):
    """K (b, k, capacity, d) and V (b, k, capacity, v) of one layer, stored for its kernel.

    `plan` says which kernel attends. For `split_kv`, which `auto` chooses on a CPU unless the cache
    is short, K is stored in pages; for any other it is stored token by token, as V is.
    Naive MLA uses this cache too: its expanded K and V are those of an MHA.

    Raises:
        ValueError: a size is out of bounds, the dtype is no float, no kernel has that name, or the
            kernel cannot serve such a cache.
    """

    def __init__(
        self,
        config: GroupedConfig,
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
        self._v_head_dim = config.v_head_dim
        self._split_kv: GroupedSplitKV | None = None
        leading, widths = (batch_size, config.n_kv_heads), (config.head_dim, config.v_head_dim)
        storage = self._allocate((*leading, capacity), widths, plan, dtype, device)
        letters = "(b, k, t, d)", "(b, k, t, v)"
        spec = AppendSpec(("k", "v"), letters, leading, widths, dtype, storage[0].device)
        super().__init__(spec, plan, capacity, *storage)

    def _allocate(
        self,
        shape: tuple[int, int, int],
        widths: tuple[int, int],
        plan: KernelPlan,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> tuple[Tensor, ...]:
        """The storage of K and V (b, k, capacity, width) for the plan's kernel."""
        d, v = widths
        v_stored = v
        keys_type: type[KeysByToken | KeysInPages] = KeysByToken
        if plan.decode == SPLIT_KV:
            from gqa_core.engine.split_kv import attention as split_kv  # imports numba

            split_kv.load_kernel(dtype, is_latent=False)
            v_stored, keys_type = split_kv.pad_to_lanes(v), KeysInPages
        self._k = keys_type((*shape, d), dtype=dtype, device=device)
        self._v = huge_page_empty((*shape, v_stored), dtype=dtype, device=device)
        if plan.decode == SPLIT_KV:
            self._split_kv = split_kv.GroupedSplitKV(self._k.storage, self._v, v)
        return self._k.storage, self._v

    @classmethod
    def from_tensors(
        cls,
        k: Tensor,
        v: Tensor,
        kernel: str = "auto",
        *,
        n_heads: int | None = None,
        **options: Any,
    ) -> Self:
        """A full cache with copies of K (b, k, s, d) and V (b, k, s, v).

        `n_heads`, the number of query heads, defaults to that of the K/V heads; only the choice of
        `auto` depends on it, in float16. `options` are further arguments of the class.

        Raises:
            ValueError: K and V do not match each other, or as `KVCache`.
        """
        validate_kv(k, v)
        b, n_kv_heads, s, d = k.shape
        config = GroupedConfig(
            n_heads=n_kv_heads if n_heads is None else n_heads,
            n_kv_heads=n_kv_heads,
            head_dim=d,
            v_head_dim=v.shape[3],
        )
        options |= {"kernel": kernel, "dtype": k.dtype, "device": k.device}
        cache = cls(config, batch_size=b, capacity=s, **options)
        cache.append(k, v)
        return cache

    @property
    def keys(self) -> Tensor:
        """K of the filled slots, (b, k, s, d): a view, or from pages a copy."""
        return self._k.read(self.length)

    @property
    def values(self) -> Tensor:
        """V of the filled slots, (b, k, s, v), a view."""
        return self._v[:, :, : self.length, : self._v_head_dim]

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Write K (b, k, t, d) and V (b, k, t, v) of t tokens into the next slots.

        Raises:
            ValueError: a tensor has another shape, dtype or device than the cache, or fewer than t
                slots are free; length and contents stay as they were.
        """
        start, end = self._next_slots(k, v)
        self._k.write(start, k)
        self._v[:, :, start:end, : self._v_head_dim] = v
        self.length = end

    def attend(self, q: Tensor, scale: float | None = None) -> Tensor:
        """Output (b, h, t, v) of q (b, h, t, d), the last t of the filled slots; usually t = 1.

        Query head i reads K/V head i // (h / k). `scale` defaults to d ** -0.5.

        Raises:
            ValueError: q has another shape, dtype or device than the cache, or the cache is empty.
        """
        if self._split_kv is not None and self.length and self._split_kv.can_attend(q):
            record_kernel(SPLIT_KV)
            return self._split_kv.attend(
                q, self.length, q.shape[-1] ** -0.5 if scale is None else scale
            )
        kernel = self.plan.prefill if self._split_kv is not None else self.plan.decode
        return causal_attention(q, self.keys, self.values, scale=scale, kernel=kernel)

    def attend_with_lse(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Output (b, h, 1, v) of one token's q (b, h, 1, d), and its natural log-sum-exp (b, h).

        By these, outputs over parts of a context can be merged. `split_kv` and `triton` return
        them; a cache with another plan is attended by `matmul`.

        Raises:
            ValueError: as `attend`.
        """
        scale = q.shape[-1] ** -0.5
        if self._split_kv is not None and self.length and self._split_kv.can_attend(q):
            record_kernel(SPLIT_KV)
            lse = q.new_empty(q.shape[:2], dtype=torch.float32)
            return self._split_kv.attend(q, self.length, scale, lse), lse
        return attention_with_lse(self.plan.decode, q, self.keys, self.values, scale=scale)
