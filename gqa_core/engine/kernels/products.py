"""Products of small matrices, built from the tiles of `simd`: c = a b, or c += a b."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numba import njit

from gqa_core.engine.kernels.simd import tile
from gqa_core.engine.kernels.vectors import LANES

FEW, MANY = 16, 64  # numbers asked for at a step: many where few steps serve a page
EXACT = {"contract", "nsz"}  # leaves numba may take: nothing that reorders or forgets NaN


def product(shapes: Sequence[tuple[int, int]], *, adds: bool) -> Callable:
    """c = a b, or c += a b, for rows x columns sums of n; columns are a multiple of LANES.

    Called as (c, a, b, (rows, columns, n), ahead) with operands as `simd.tile` takes them. `ahead`
    is (array, at, count): so many numbers from there on are asked for from memory meanwhile, the
    same share with every tile. `shapes` are tiles, (rows, vectors), the widest first and the last
    of one vector.
    """
    strips = [_strip(vectors, rows, adds=adds) for rows, vectors in shapes]
    wide, narrow, narrowest = strips[0], strips[len(strips) // 2], strips[-1]

    @njit(fastmath=EXACT)
    def whole(c, a, b, shape, ahead):
        at, ahead = wide(c, a, b, shape, ahead, 0)
        at, ahead = narrow(c, a, b, shape, ahead, at)
        narrowest(c, a, b, shape, ahead, at)

    return whole


def _strip(n_vectors: int, n_rows: int, *, adds: bool) -> Callable:
    """A product's columns from `at` on, as many as fit n_vectors at once; where it stopped."""
    width = n_vectors * LANES
    many, many_asking = (tile(n_rows, n_vectors, adds=adds, asks=asks) for asks in (FEW, MANY))
    one = tile(1, n_vectors, adds=adds, asks=MANY)

    @njit(fastmath=EXACT)
    def strip(c, a, b, shape, ahead, at):
        (of_c, c_at, c_row), (of_a, a_at, a_row, a_step), (of_b, b_at, b_row) = c, a, b
        (rows, columns, n), (to_come, next_at, count) = shape, ahead
        per_sum = count / (rows * columns)
        end = columns - (columns - at) % width
        for column in range(at, end, width):
            row = 0
            while row < rows:
                n_now = n_rows if row + n_rows <= rows else 1
                step = np.int64(per_sum * n_now * width / n)
                to_c = (of_c, c_at + row * c_row + column, c_row)
                from_a = (of_a, a_at + row * a_row, a_row, a_step)
                from_b = (of_b, b_at + column, b_row)
                soon = (to_come, next_at, step)
                if n_now == 1:
                    one(to_c, from_a, from_b, n, soon)
                elif step > FEW:
                    many_asking(to_c, from_a, from_b, n, soon)
                else:
                    many(to_c, from_a, from_b, n, soon)
                row += n_now
                next_at += step * n
        return end, (to_come, next_at, count)

    return strip
