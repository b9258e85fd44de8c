"""Preallocated caches of past tokens: keys and values per K/V head, or one latent for all heads.

b batch, t new tokens, s cached tokens, h query heads, k K/V heads, d width of a key, v of a value,
c kv_lora_rank, r qk_rope_head_dim.

Memory for all slots is taken once, and a new token is written into the next free slot: growing by
concatenation would copy everything at each step and hold two caches while it does. A cache is laid
out for the kernel that attends over it. Slots past the length are never read, whatever they hold.
No gradient flows into a cache.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine.attend import causal_attention, require_fit
from gqa_core.engine.kernels import SPLIT_KV, resolve, resolve_layout
from gqa_core.engine.key_layouts import KeysByToken, KeysInPages
from gqa_core.engine.storage import empty


class _Cache(ABC):
    """Storage of `capacity` token slots, how many are filled, and the next ones to fill."""

    def __init__(self, capacity: int, slots_bytes: int, kernel: str, *storage: Tensor) -> None:
        self.capacity = capacity
        self.length = 0
        self.kernel = kernel
        self._slots_bytes = slots_bytes
        self._storage = storage

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of the slots, each byte once however many views share it."""
        return self._slots_bytes

    @property
    def padding_bytes(self) -> int:
        """Storage bytes beyond the slots: what rounding up to a page takes."""
        held = sum(tensor.untyped_storage().nbytes() for tensor in self._storage)
        return held - self._slots_bytes

    @property
    @abstractmethod
    def keys(self) -> Tensor:
        """K of the filled slots, (b, k, s, d)."""

    @property
    @abstractmethod
    def values(self) -> Tensor:
        """V of the filled slots, (b, k, s, v), a view."""

    def kernel_for(self, q: Tensor) -> str:
        """The name of the kernel that attends for q (b, h, t, d)."""
        return resolve(self.kernel, q, self.values)

    def rewind(self, length: int) -> None:
        """Forget all but the first `length` tokens; the next append writes over the rest.

        Raises:
            ValueError: the cache holds fewer.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be between 0 and {self.length}: got {length}")
        self.length = length

    def fill_random(self, generator: torch.Generator | None = None) -> None:
        """Fill every slot with normal values, as if a prompt had been read."""
        for tensor in self._storage:
            tensor.normal_(generator=generator)
        self.length = self.capacity

    def _claim(self, n_tokens: int) -> int:
        """The first slot of the next n_tokens tokens, from here on counted as filled."""
        start, stop = self.length, self.length + n_tokens
        if stop > self.capacity:
            raise ValueError(
                f"the cache has {self.capacity - start} of {self.capacity} slots free: "
                f"got {n_tokens} tokens more"
            )
        self.length = stop
        return start


class KVCache(_Cache):
    """K and V (b, k, capacity, v) of one layer of grouped attention, laid out for `kernel`.

    K is stored in pages for `split_kv`, which `auto` takes on a CPU unless a cache is short, and as
    V is for any other.
    Naive MLA uses it too: its heads' expanded K and V are those of an MHA.

    Raises:
        ValueError: no kernel has that name, or it cannot serve such a cache.
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
        like = {"dtype": dtype, "device": device}
        shape, d, v = (batch_size, config.n_kv_heads, capacity), config.head_dim, config.v_head_dim
        device, v_stored = torch.device(device), v
        kernel = resolve_layout(kernel, dtype, device, capacity)
        if kernel == SPLIT_KV:
            from gqa_core.engine.kernels.split_kv import GroupedSplitKV, prepare, whole_vectors

            prepare(dtype, is_latent=False)
            v_stored = whole_vectors(v)
        self._k = (KeysInPages if kernel == SPLIT_KV else KeysByToken)(*shape, d, like)
        self._v = empty((*shape, v_stored), **like)
        self._v_head_dim = v
        is_fast = kernel == SPLIT_KV
        self._split_kv = GroupedSplitKV(self._k.storage, self._v, v) if is_fast else None
        slots_bytes = math.prod(shape) * (d + v) * dtype.itemsize
        super().__init__(capacity, slots_bytes, kernel, self._k.storage, self._v)

    @classmethod
    def from_tensors(cls, k: Tensor, v: Tensor, kernel: str = "auto") -> KVCache:
        """A full cache of K (b, k, s, d) and V (b, k, s, v), copied.

        Raises:
            ValueError: they do not fit together, or as `KVCache`.
        """
        require_fit(k[:, :, -1:], k, v)
        b, n_kv_heads, s, d = k.shape
        config = GroupedConfig(
            n_heads=n_kv_heads, n_kv_heads=n_kv_heads, head_dim=d, v_head_dim=v.shape[3]
        )
        like = {"dtype": k.dtype, "device": k.device}
        cache = cls(config, batch_size=b, capacity=s, kernel=kernel, **like)
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
            ValueError: fewer than t slots are free.
        """
        start = self._claim(k.shape[2])
        self._k.write(start, k)
        self._v[:, :, start : self.length, : self._v_head_dim] = v

    def attend(self, q: Tensor, scale: float | None = None) -> Tensor:
        """Output (b, h, t, v) of q (b, h, t, d), the last t of the filled slots; usually t = 1.

        Query head i reads K/V head i // (h / k). `scale` is d ** -0.5 unless given.

        Raises:
            ValueError: q does not fit the cache.
        """
        if self._split_kv is not None and self.length and self._split_kv.serves(q):
            return self._split_kv.attend(
                q, self.length, q.shape[-1] ** -0.5 if scale is None else scale
            )
        return causal_attention(q, self.keys, self.values, scale=scale, kernel=self.kernel)


class LatentCache(_Cache):
    """One tensor (b, capacity, c + r) a layer: the latent, and behind it the rotary key.

    K is the whole of it and V its first c columns, both for one K/V head, so that absorbed
    attention reads what is stored once; every kernel takes it so.

    Raises:
        ValueError: no kernel has that name, or it cannot serve such a cache.
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
        width = config.kv_lora_rank + config.qk_rope_head_dim
        self._start(config.kv_lora_rank, (batch_size, capacity, width), dtype, device, kernel)

    @classmethod
    def from_tensors(cls, latent: Tensor, rope_key: Tensor, kernel: str = "auto") -> LatentCache:
        """A full cache of latents (b, s, c) and rotary keys (b, s, r), copied.

        Raises:
            ValueError: they do not fit together, or as `LatentCache`.
        """
        shapes = f"got {tuple(latent.shape)} and {tuple(rope_key.shape)}"
        if not latent.ndim == rope_key.ndim == 3 or latent.shape[:2] != rope_key.shape[:2]:
            raise ValueError(f"latent must be (b, s, c) and rope_key (b, s, r): {shapes}")
        if latent.dtype != rope_key.dtype or latent.device != rope_key.device:
            raise ValueError("latent and rope_key must share dtype and device: got others")
        (b, s, c), r = latent.shape, rope_key.shape[2]
        cache = cls.__new__(cls)
        cache._start(c, (b, s, c + r), latent.dtype, latent.device, kernel)
        cache.append(latent, rope_key)
        return cache

    def _start(
        self,
        kv_lora_rank: int,
        shape: tuple[int, int, int],
        dtype: torch.dtype,
        device: torch.device | str,
        kernel: str,
    ) -> None:
        kernel = resolve_layout(kernel, dtype, torch.device(device), shape[1])
        self._entries = empty(shape, dtype=dtype, device=device)
        self.kv_lora_rank, self._split_kv = kv_lora_rank, None
        if kernel == SPLIT_KV:
            from gqa_core.engine.kernels.split_kv import LatentSplitKV, prepare

            prepare(dtype, is_latent=True)
            self._split_kv = LatentSplitKV(self._entries, kv_lora_rank)
        super().__init__(shape[1], math.prod(shape) * dtype.itemsize, kernel, self._entries)

    @property
    def latent(self) -> Tensor:
        """The latents of the filled slots, (b, s, c), a view."""
        return self._entries[:, : self.length, : self.kv_lora_rank]

    @property
    def rope_key(self) -> Tensor:
        """The rotary keys of the filled slots, (b, s, r), a view."""
        return self._entries[:, : self.length, self.kv_lora_rank :]

    @property
    def keys(self) -> Tensor:
        """K of the one K/V head, (b, 1, s, c + r), a view."""
        return self._entries[:, None, : self.length]

    @property
    def values(self) -> Tensor:
        """V of the one K/V head, (b, 1, s, c), a view of the same storage."""
        return self._entries[:, None, : self.length, : self.kv_lora_rank]

    @torch.no_grad()
    def append(self, latent: Tensor, rope_key: Tensor) -> None:
        """Write latents (b, t, c) and rotary keys (b, t, r) of t tokens into the next slots.

        Raises:
            ValueError: fewer than t slots are free.
        """
        start = self._claim(latent.shape[1])
        self._entries[:, start : self.length, : self.kv_lora_rank] = latent
        self._entries[:, start : self.length, self.kv_lora_rank :] = rope_key

    def attend(self, q_latent: Tensor, q_rope: Tensor, *, scale: float) -> Tensor:
        """Output (b, h, t, c) of q_latent (b, h, t, c) and q_rope (b, h, t, r), both turned.

        `scale` is (qk_nope_head_dim + qk_rope_head_dim) ** -0.5, of the query before it was folded.

        Raises:
            ValueError: the query does not fit the cache.
        """
        if self._split_kv is not None and self.length and self._split_kv.serves(q_latent, q_rope):
            return self._split_kv.attend(q_latent, q_rope, self.length, scale)
        q = torch.cat((q_latent, q_rope), dim=-1)
        return causal_attention(q, self.keys, self.values, scale=scale, kernel=self.kernel)
