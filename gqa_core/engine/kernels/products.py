"""Products of small matrices, built from the tiles of `simd`: c = a b, or c += a b."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numba import njit

from gqa_core.engine.kernels.simd import LANES, tile

EXACT = {"contract", "nsz"}  # leaves numba may take: nothing that reorders or forgets NaN


def product(shapes: Sequence[tuple[int, int]], *, adds: bool, fetched: int | None) -> Callable:
    """c = a b, or c += a b, for rows x columns sums of n; columns are a multiple of LANES.

    Called as (c, a, b, (rows, columns, n), ahead) with operands as `simd.tile` takes them; `ahead`
    is (array, at, row, step). `fetched` vectors are asked for at each step, None for as many as
    b has. `shapes` are tiles, (rows, vectors), the widest first and the last of one vector.
    """
    strips = [
        _strip(vectors, rows, adds=adds, fetched=vectors if fetched is None else fetched)
        for rows, vectors in shapes
    ]
    wide, narrow, narrowest = strips[0], strips[len(strips) // 2], strips[-1]

    @njit(fastmath=EXACT)
    def whole(c, a, b, shape, ahead):
        at = wide(c, a, b, shape, ahead, 0)
        at = narrow(c, a, b, shape, ahead, at)
        narrowest(c, a, b, shape, ahead, at)

    return whole


def _strip(n_vectors: int, n_rows: int, *, adds: bool, fetched: int) -> Callable:
    """A product's columns from `at` on, as many as fit n_vectors at once; where it stopped."""
    width = n_vectors * LANES
    many = tile(n_rows, n_vectors, adds=adds, fetches=fetched)
    one = tile(1, n_vectors, adds=adds, fetches=fetched)

    @njit(fastmath=EXACT)
    def strip(c, a, b, shape, ahead, at):
        (of_c, c_at, c_row), (of_a, a_at, a_row, a_step), (of_b, b_at, b_row) = c, a, b
        (rows, columns, n), (to_come, next_at, next_row, next_step) = shape, ahead
        end = columns - (columns - at) % width
        row = 0
        while row < rows:
            is_many = row + n_rows <= rows
            for column in range(at, end, width):
                to_c = (of_c, c_at + row * c_row + column, c_row)
                from_a = (of_a, a_at + row * a_row, a_row, a_step)
                from_b = (of_b, b_at + column, b_row)
                soon = (to_come, next_at, 0)
                if next_row > 0 and column == at:  # what comes next lies as a does
                    step = (n_rows if is_many else 1) * next_row // n
                    soon = (to_come, next_at + row * next_row, step)
                elif next_row == 0 and row == 0:  # as b does
                    soon = (to_come, next_at + column, next_step)
                if is_many:
                    many(to_c, from_a, from_b, n, soon)
                else:
                    one(to_c, from_a, from_b, n, soon)
            row += n_rows if is_many else 1
        return end

    return strip
