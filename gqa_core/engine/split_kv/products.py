"""Products of small matrices, built from the tiles of `simd`: c = a b, or c += a b."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numba import njit

from gqa_core.engine.split_kv.simd import tile
from gqa_core.engine.split_kv.vectors import LANES

PREFETCH = (16, 64)  # elements per step: more where fewer steps serve a page
FASTMATH = {"contract", "nsz"}  # fast-math flags that neither reorder sums nor assume NaN away


def product(
    shapes: Sequence[tuple[int, int]],
    *,
    accumulate: bool,
    new_tile: Callable[..., Callable] = tile,
    prefetch: tuple[int, int] = PREFETCH,
) -> Callable:
    """A compiled function for c = a b, or c += a b; `columns` must be a multiple of LANES.

    It is called as (c, a, b, (rows, columns, n), ahead) with operands as `simd.tile` takes them,
    where n is the length of each sum. `ahead` = (array, offset, count): `count` elements are
    prefetched during the product, spread evenly over the tiles. `shapes` are the tiles to use,
    (rows, vectors), the widest first and the last of one vector; `new_tile` makes them, as
    `simd.tile` does. `prefetch` are elements that a tile may prefetch per step.
    """
    new_tile = partial(new_tile, accumulate=accumulate)
    panels = [_panel(vectors, rows, new_tile, prefetch) for rows, vectors in shapes]
    wide, narrow, narrowest = panels[0], panels[len(panels) // 2], panels[-1]

    @njit(fastmath=FASTMATH)
    def multiply(c, a, b, shape, ahead):
        start, ahead = wide(c, a, b, shape, ahead, 0)
        start, ahead = narrow(c, a, b, shape, ahead, start)
        narrowest(c, a, b, shape, ahead, start)

    return multiply


def _panel(
    n_vectors: int, n_rows: int, new_tile: Callable[..., Callable], prefetch: tuple[int, int]
) -> Callable:
    """A product's columns from `start` on, while n_vectors fit; returns where it stopped."""
    width, (short, long) = n_vectors * LANES, prefetch
    short_tile, long_tile = (
        new_tile(n_rows, n_vectors, prefetch=per_step) for per_step in prefetch
    )
    row_tile = new_tile(1, n_vectors, prefetch=long)

    @njit(fastmath=FASTMATH)
    def panel(c, a, b, shape, ahead, start):
        c_array, c_offset, c_stride = c
        a_array, a_offset, a_stride, a_step = a
        b_array, b_offset, b_stride = b
        (rows, columns, n), (ahead_array, ahead_offset, count) = shape, ahead
        per_sum = count / (rows * columns)
        end = columns - (columns - start) % width
        for column in range(start, end, width):
            row = 0
            while row < rows:
                tile_rows = n_rows if row + n_rows <= rows else 1
                per_step = np.int64(per_sum * tile_rows * width / n)
                c_tile = (c_array, c_offset + row * c_stride + column, c_stride)
                a_tile = (a_array, a_offset + row * a_stride, a_stride, a_step)
                b_tile = (b_array, b_offset + column, b_stride)
                ahead_tile = (ahead_array, ahead_offset, per_step)
                if tile_rows == 1:
                    row_tile(c_tile, a_tile, b_tile, n, ahead_tile)
                elif per_step > short:
                    long_tile(c_tile, a_tile, b_tile, n, ahead_tile)
                else:
                    short_tile(c_tile, a_tile, b_tile, n, ahead_tile)
                row += tile_rows
                ahead_offset += per_step * n
        return end, (ahead_array, ahead_offset, count)

    return panel
