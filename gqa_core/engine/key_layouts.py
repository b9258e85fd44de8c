"""How a cache stores its keys: token after token, or in transposed pages.

b batch, k K/V heads, t new tokens, s cached tokens, d width of a key.

Torch's calls read K as (b, k, s, d). The split-KV kernel wants the same number of many keys side
by side, so there K lies in pages of 64 tokens, each stored as (d, 64); the last page may be part
empty.
"""

from __future__ import annotations

from torch import Tensor

from gqa_core.engine.storage import empty

PAGE = 64


class KeysByToken:
    """K as (b, k, capacity, d)."""

    def __init__(self, b: int, k: int, capacity: int, d: int, like: dict) -> None:
        self.storage = empty((b, k, capacity, d), **like)

    def write(self, start: int, keys: Tensor) -> None:
        """Put K (b, k, t, d) into the slots from `start` on."""
        self.storage[:, :, start : start + keys.shape[2]] = keys

    def read(self, length: int) -> Tensor:
        """K of the first slots, (b, k, s, d), a view."""
        return self.storage[:, :, :length]


class KeysInPages:
    """K as (b, k, n_pages, d, 64), contiguous."""

    def __init__(self, b: int, k: int, capacity: int, d: int, like: dict) -> None:
        self.storage = empty((b, k, -(-capacity // PAGE), d, PAGE), **like)

    def write(self, start: int, keys: Tensor) -> None:
        """Put K (b, k, t, d) into the slots from `start` on: a column a token.

        The rest of a page that is entered is cleared. It is computed with, though nobody reads what
        comes out, and whatever memory holds can be slow to compute with: subnormal numbers, that
        took 0.3 ms of a step (2 Xeon cores).
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
        """K of the first slots, (b, k, s, d), a copy."""
        return self.storage.transpose(-1, -2).flatten(2, 3)[:, :, :length]
