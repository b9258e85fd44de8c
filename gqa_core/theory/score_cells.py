"""Score cells of generating text: one cell is the product of one query with one key, of one head.

With a cache, step n has one query, that of token n, over n keys. Without one, it computes the whole
triangle again: query i over the keys 1 to i, for all i up to n.
"""

from __future__ import annotations

from gqa_core.configs import MAX_CONTEXT_LEN, validate_int

__all__ = ["step_cells", "total_cells"]


def step_cells(n: int, *, cached: bool) -> int:
    """Cells of the step that adds token n: n with a cache, n (n + 1) / 2 without.

    Raises:
        ValueError: n is out of bounds.
    """
    validate_int("n", n, MAX_CONTEXT_LEN)
    return n if cached else n * (n + 1) // 2


def total_cells(n: int, *, cached: bool) -> int:
    """Cells of the steps 1 to n: n (n + 1) / 2 with a cache, n (n + 1) (n + 2) / 6 without.

    Raises:
        ValueError: n is out of bounds.
    """
    validate_int("n", n, MAX_CONTEXT_LEN)
    return n * (n + 1) // 2 if cached else n * (n + 1) * (n + 2) // 6
