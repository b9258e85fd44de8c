"""Preallocated caches of past tokens: keys and values per K/V head, or one latent for all heads.

b batch, t new tokens, s cached tokens, k K/V heads, d width of a key, v of a value,
c kv_lora_rank, r qk_rope_head_dim.

Memory for all slots is taken once, and a new token is written into the next free slot: growing by
concatenation would copy everything at each step and hold two caches while it does. Slots past the
length are never read, whatever they hold. No gradient flows into a cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig, LatentConfig


class _Cache:
    """Storage of `capacity` token slots, how many are filled, and the next ones to fill."""

    def __init__(self, capacity: int, *storage: Tensor) -> None:
        self.capacity = capacity
        self.length = 0
        self._storage = storage

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of all slots, each byte once however many views share it."""
        return sum(tensor.untyped_storage().nbytes() for tensor in self._storage)

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

    def _claim(self, n_tokens: int) -> slice:
        """The slots of the next n_tokens tokens, from here on counted as filled."""
        start, stop = self.length, self.length + n_tokens
        if stop > self.capacity:
            raise ValueError(
                f"the cache has {self.capacity - start} of {self.capacity} slots free: "
                f"got {n_tokens} tokens more"
            )
        self.length = stop
        return slice(start, stop)


class KVCache(_Cache):
    """K (b, k, capacity, d) and V (b, k, capacity, v) of one layer of grouped attention.

    Naive MLA uses it too: its heads' expanded K and V are those of an MHA.
    """

    def __init__(
        self,
        config: GroupedConfig,
        *,
        batch_size: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        shape = (batch_size, config.n_kv_heads, capacity)
        self._k = torch.empty(*shape, config.head_dim, dtype=dtype, device=device)
        self._v = torch.empty(*shape, config.v_head_dim, dtype=dtype, device=device)
        super().__init__(capacity, self._k, self._v)

    @property
    def keys(self) -> Tensor:
        """K of the filled slots, (b, k, s, d), a view."""
        return self._k[:, :, : self.length]

    @property
    def values(self) -> Tensor:
        """V of the filled slots, (b, k, s, v), a view."""
        return self._v[:, :, : self.length]

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Write K (b, k, t, d) and V (b, k, t, v) of t tokens into the next slots.

        Raises:
            ValueError: fewer than t slots are free.
        """
        slots = self._claim(k.shape[2])
        self._k[:, :, slots] = k
        self._v[:, :, slots] = v


class LatentCache(_Cache):
    """One tensor (b, capacity, c + r) a layer: the latent, and behind it the rotary key.

    K is the whole of it and V its first c columns, both for one K/V head, so that absorbed
    attention reads what is stored once.
    """

    def __init__(
        self,
        config: LatentConfig,
        *,
        batch_size: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        width = config.kv_lora_rank + config.qk_rope_head_dim
        self._entries = torch.empty(batch_size, capacity, width, dtype=dtype, device=device)
        self.kv_lora_rank = config.kv_lora_rank
        super().__init__(capacity, self._entries)

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
        slots = self._claim(latent.shape[1])
        self._entries[:, slots, : self.kv_lora_rank] = latent
        self._entries[:, slots, self.kv_lora_rank :] = rope_key
