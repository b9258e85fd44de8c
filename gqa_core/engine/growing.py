"""Other ways for a cache to grow than to take all its slots at once.

b batch, t new tokens, s cached tokens, k K/V heads, d width of a key, v of a value.

They hold the same K and V as a `KVCache` and are here to be compared with it: one copies what it
has at every append, the other takes a block whenever the last one is full.
"""

from __future__ import annotations

import torch
from torch import Tensor


class ConcatenatedCache:
    """K (b, k, s, d) and V (b, k, s, v), each a new tensor at every append."""

    def __init__(self) -> None:
        self._k: Tensor | None = None
        self._v: Tensor | None = None

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of K and V."""
        return sum(x.untyped_storage().nbytes() for x in (self._k, self._v) if x is not None)

    @property
    def keys(self) -> Tensor:
        """K of all tokens, (b, k, s, d)."""
        return self._k

    @property
    def values(self) -> Tensor:
        """V of all tokens, (b, k, s, v)."""
        return self._v

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Copy K (b, k, t, d) and V (b, k, t, v) behind the old ones into new tensors."""
        self._k = k.clone() if self._k is None else torch.cat((self._k, k), dim=2)
        self._v = v.clone() if self._v is None else torch.cat((self._v, v), dim=2)


class PagedCache:
    """Blocks of `block_len` slots, K (b, k, block_len, d) and V (b, k, block_len, v) each.

    The blocks need not lie side by side: a kernel for paged caches reads them through a table.
    `keys` and `values` join them instead, by a copy.
    """

    def __init__(self, block_len: int) -> None:
        self.block_len = block_len
        self.length = 0
        self._blocks: list[tuple[Tensor, Tensor]] = []

    @property
    def tensor_bytes(self) -> int:
        """Storage bytes of all blocks, their empty slots included."""
        if not self._blocks:
            return 0
        return len(self._blocks) * sum(x.untyped_storage().nbytes() for x in self._blocks[0])

    @property
    def keys(self) -> Tensor:
        """K of all tokens, (b, k, s, d), a copy."""
        return torch.cat([k for k, _ in self._blocks], dim=2)[:, :, : self.length]

    @property
    def values(self) -> Tensor:
        """V of all tokens, (b, k, s, v), a copy."""
        return torch.cat([v for _, v in self._blocks], dim=2)[:, :, : self.length]

    @torch.no_grad()
    def append(self, k: Tensor, v: Tensor) -> None:
        """Write K (b, k, 1, d) and V (b, k, 1, v) of one token into the next slot.

        Raises:
            ValueError: it is not one token.
        """
        if k.shape[2] != 1:
            raise ValueError(f"a paged cache takes one token at a time: got {k.shape[2]}")
        slot = self.length % self.block_len
        if slot == 0:
            self._blocks.append((self._new_block(k), self._new_block(v)))
        keys, values = self._blocks[-1]
        keys[:, :, slot : slot + 1] = k
        values[:, :, slot : slot + 1] = v
        self.length += 1

    def _new_block(self, like: Tensor) -> Tensor:
        b, k, _, width = like.shape
        return like.new_empty(b, k, self.block_len, width)
