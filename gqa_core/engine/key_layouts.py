"""Storage of the keys of a cache: token by token, or in transposed pages.

b batch, k K/V heads, t new tokens, s cached tokens, d head_dim.

Torch's kernels read K as (b, k, s, d). The split-KV kernel multiplies the same component of many
keys at once, so for it K is stored in pages of 64 tokens, each as (d, 64); the last page may be
partly empty.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.engine.storage import huge_page_empty

__all__ = ["PAGE", "KeysByToken", "KeysInPages"]

PAGE = 64  # tokens

Shape = tuple[int, int, int, int]  # (b, k, capacity, d)


class KeysByToken:
    """K as (b, k, capacity, d)."""

    def __init__(self, shape: Shape, *, dtype: torch.dtype, device: torch.device | str) -> None:
        self.storage = huge_page_empty(shape, dtype=dtype, device=device)

    def write(self, start: int, keys: Tensor) -> None:
        """Write K (b, k, t, d) into the slots from `start` on."""
        self.storage[:, :, start : start + keys.shape[2]] = keys

    def read(self, length: int) -> Tensor:
        """K of the first `length` slots, (b, k, s, d), a view."""
        return self.storage[:, :, :length]


class KeysInPages:
    """K as (b, k, n_pages, d, 64), contiguous."""

    def __init__(self, shape: Shape, *, dtype: torch.dtype, device: torch.device | str) -> None:
        b, k, capacity, d = shape
        pages = b, k, -(-capacity // PAGE), d, PAGE
        self.storage = huge_page_empty(pages, dtype=dtype, device=device)

    def write(self, start: int, keys: Tensor) -> None:
        """Write K (b, k, t, d) into the slots from `start` on: one column per token.

        Unused slots of a new page are zeroed: the kernel computes on whole pages, and uninitialised
        memory may hold subnormals, which are slow (0.3 ms per step on 2 Xeon cores).
        """
        end = start + keys.shape[2]
        for page in range(start // PAGE, -(-end // PAGE)):
            first, last = max(start, page * PAGE), min(end, (page + 1) * PAGE)
            columns = slice(first - page * PAGE, last - page * PAGE)
            if first == page * PAGE:
                self.storage[:, :, page, :, columns.stop :] = 0
            source = keys[:, :, first - start : last - start]
            self.storage[:, :, page, :, columns] = source.transpose(-1, -2)

    def read(self, length: int) -> Tensor:
        """K of the first `length` slots, (b, k, s, d), a copy."""
        return self.storage.transpose(-1, -2).flatten(2, 3)[:, :, :length]
