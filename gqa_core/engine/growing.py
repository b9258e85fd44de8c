"""Caches that grow in other ways than allocating all slots at once.

b batch, t new tokens, s cached tokens, k K/V heads, d head_dim, v v_head_dim.

They hold the same K and V as a `KVCache` and exist to be compared with it: one copies its contents
at every append, the other allocates a block whenever the last one is full. The first append sets
the sizes, the dtype and the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.configs import MAX_CONTEXT_LEN, validate_int
from gqa_core.engine.validation import AppendSpec, validate_kv

__all__ = ["ConcatenatedCache", "PagedCache"]

EMPTY = "the cache must hold at least one token: got none"


class ConcatenatedCache:
    """K (b, k, s, d) and V (b, k, s, v), each a new tensor at every append."""

    def __init__(self) -> None:
        self._spec: AppendSpec | None = None
        self._kv: tuple[Tensor, Tensor] | None = None

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return 0 if self._kv is None else self._kv[0].shape[2]

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of K and V."""
        return sum(x.untyped_storage().nbytes() for x in self._kv or ())

    @property
    def keys(self) -> Tensor:
        """K of all tokens, (b, k, s, d); ValueError if there are none."""
        return self._tokens()[0]

    @property
    def values(self) -> Tensor:
        """V of all tokens, (b, k, s, v); ValueError if there are none."""
        return self._tokens()[1]

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Copy the cache and K (b, k, t, d), V (b, k, t, v) behind it into new tensors.

        Raises:
            ValueError: a tensor has another shape, dtype or device than those before; length and
                contents stay as they were.
        """
        spec = self._spec or _new_spec(k, v)
        spec.n_tokens(k, v)
        if self._kv is None:
            self._kv = k.clone(), v.clone()
        else:
            old_k, old_v = self._kv
            self._kv = torch.cat((old_k, k), dim=2), torch.cat((old_v, v), dim=2)
        self._spec = spec

    def _tokens(self) -> tuple[Tensor, Tensor]:
        if self._kv is None:
            raise ValueError(EMPTY)
        return self._kv


class PagedCache:
    """Blocks of `block_len` slots, K (b, k, block_len, d) and V (b, k, block_len, v) each.

    The blocks need not be adjacent: a kernel for paged caches reads them through a table. `keys`
    and `values` concatenate them instead, which copies.

    Raises:
        ValueError: block_len is out of bounds.
    """

    def __init__(self, block_len: int) -> None:
        validate_int("block_len", block_len, MAX_CONTEXT_LEN)
        self.block_len = block_len
        self.length = 0
        self._spec: AppendSpec | None = None
        self._blocks: list[tuple[Tensor, Tensor]] = []

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of all blocks, with their empty slots."""
        if not self._blocks:
            return 0
        return len(self._blocks) * sum(x.untyped_storage().nbytes() for x in self._blocks[0])

    @property
    def keys(self) -> Tensor:
        """K of all tokens, (b, k, s, d), a copy; ValueError if there are none."""
        return self._concatenated(0)

    @property
    def values(self) -> Tensor:
        """V of all tokens, (b, k, s, v), a copy; ValueError if there are none."""
        return self._concatenated(1)

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Write K (b, k, 1, d) and V (b, k, 1, v) of one token into the next slot.

        Raises:
            ValueError: there is not exactly one token, or a tensor has another shape, dtype or
                device than those before; length and contents stay as they were.
        """
        spec = self._spec or _new_spec(k, v)
        n_tokens = spec.n_tokens(k, v)
        if n_tokens != 1:
            raise ValueError(f"a paged cache appends one token at a time: got {n_tokens}")
        slot = self.length % self.block_len
        if slot == 0:
            self._blocks.append((self._new_block(k), self._new_block(v)))
        keys, values = self._blocks[-1]
        keys[:, :, slot : slot + 1] = k
        values[:, :, slot : slot + 1] = v
        self.length += 1
        self._spec = spec

    def _concatenated(self, index: int) -> Tensor:
        if not self._blocks:
            raise ValueError(EMPTY)
        return torch.cat([block[index] for block in self._blocks], dim=2)[:, :, : self.length]

    def _new_block(self, x: Tensor) -> Tensor:
        b, k, _, width = x.shape
        return x.new_empty(b, k, self.block_len, width)


def _new_spec(k: Tensor, v: Tensor) -> AppendSpec:
    """The sizes, dtype and device that the first append sets."""
    validate_kv(k, v)
    (b, n_kv_heads, _, d), width = k.shape, v.shape[3]
    letters = "(b, k, t, d)", "(b, k, t, v)"
    return AppendSpec(("k", "v"), letters, (b, n_kv_heads), (d, width), k.dtype, k.device)
