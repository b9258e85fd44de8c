"""Products of bfloat16 by the instruction for dot products of pairs, which x86 CPUs may have.

`vectors.dot_bf16` multiplies two pairs per lane and adds both products in float32: twice the work
of a multiply-add, and no conversion. A pair is one 32-bit word: two neighbours of a row, as they
lie in memory, or the same column of two neighbouring rows, which are interleaved in registers while
the tile is computed. That costs nothing beside the dot products if it stays within blocks of 128
bits (unpack), so the sums of two vectors come out in mixed order and are put right at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from gqa_core.engine.split_kv.products import FASTMATH, product
from gqa_core.engine.split_kv.simd import intrinsic
from gqa_core.engine.split_kv.vectors import (
    F32,
    I16,
    I32,
    I32_VECTOR,
    I64,
    LANES,
    Operand,
    Value,
    dot_bf16,
    splat,
    splat_constant,
)

TILES = ((4, 4), (8, 2), (8, 1))  # (rows, vectors)
PREFETCH = (32, 128)  # elements per step, as in `products`, where a step is one pair
BLOCK = 4  # lanes within which vectors are unpacked
UNPACK = [  # of two rows of 2 LANES numbers: the pairs of the lower and of the upper half of blocks
    [
        (2 * block + half) * BLOCK + i + row * 2 * LANES
        for block in range(LANES // BLOCK)
        for i in range(BLOCK)
        for row in (0, 1)
    ]
    for half in (0, 1)
]
REPACK = [  # of the two vectors of sums of these pairs: the columns in order
    [
        (vector * LANES // (2 * BLOCK) + block) * BLOCK + i + half * LANES
        for block in range(LANES // (2 * BLOCK))
        for half in (0, 1)
        for i in range(BLOCK)
    ]
    for vector in (0, 1)
]


class _Pairs(Operand):
    """An operand of bfloat16, or of float32 whose words are each two bfloat16."""

    @property
    def is_interleaved(self) -> bool:
        """True if each word is a pair of two rows already."""
        return self._element == types.float32

    def pair(self, row: int, i: Value) -> Value:
        """Two neighbours of a row from number i on, in all lanes."""
        row_stride, step = self._strides
        builder, pointer = self._builder, self._pointer((i, step))
        pointer = builder.gep(pointer, [builder.mul(ir.Constant(I64, row), row_stride)])
        word = builder.load(builder.bitcast(pointer, F32.as_pointer()), align=2)
        return builder.bitcast(splat(builder, word), I32_VECTOR)

    def row_pairs(self, i: Value, n_vectors: int) -> list[Value]:
        """Vectors of pairs of rows 2 i and 2 i + 1; two by two in the order of UNPACK."""
        builder = self._builder
        if self.is_interleaved:
            vectors = (self.vector(row=i, col=v * LANES) for v in range(n_vectors))
            return [builder.bitcast(vector, I32_VECTOR) for vector in vectors]
        first = builder.mul(i, ir.Constant(I64, 2))
        rows = first, builder.add(first, ir.Constant(I64, 1))
        if n_vectors == 1:
            in_order = [number + row * LANES for number in range(LANES) for row in (0, 1)]
            return [self._shuffle(rows, 0, LANES, in_order)]
        return [
            self._shuffle(rows, col, 2 * LANES, order)
            for col in range(0, n_vectors * LANES, 2 * LANES)
            for order in UNPACK
        ]

    def _shuffle(self, rows: Sequence[Value], col: int, n: int, order: Sequence[int]) -> Value:
        """Numbers of two rows, n from each, in this order: one vector of pairs."""
        builder, kind = self._builder, ir.VectorType(I16, n)
        x, y = (
            builder.load(builder.bitcast(self.row_pointer(row, col), kind.as_pointer()), align=2)
            for row in rows
        )
        return builder.bitcast(shuffle(builder, x, y, order), I32_VECTOR)


def shuffle(builder: ir.IRBuilder, x: Value, y: Value, order: Sequence[int]) -> Value:
    """The numbers of x and y, counted on from x to y, in this order."""
    mask = ir.Constant(ir.VectorType(I32, len(order)), list(order))
    return builder.shuffle_vector(x, y, mask)


def dot_tile(rows: int, vectors: int, *, accumulate: bool, prefetch: int) -> Callable:
    """A product of `rows` x (`vectors` * LANES), its sums in registers:

        for r in range(rows):
            for l in range(vectors * LANES):
                c[r, l] = (c[r, l] if accumulate else 0) + sum(
                    a[r, i][0] * b[2 * i, l] + a[r, i][1] * b[2 * i + 1, l] for i in range(n)
                )

    called as `simd.tile`, where a[r, i] is the pair from number i * step of row r on. If b holds
    float32, each of its words is the pair of (b[2 * i, l], b[2 * i + 1, l]).
    """

    @intrinsic
    def product(typing, c, a, b, n, ahead):
        def generate(context, builder, signature, arguments):
            c, a, b, ahead = (
                _Pairs(context, builder, signature.args[i], arguments[i]) for i in (0, 1, 2, 4)
            )
            n = arguments[3]
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            zero = splat_constant(0.0)
            sums = {cell: cgutils.alloca_once_value(builder, zero) for cell in cells}
            with cgutils.for_range(builder, n, intp=n.type) as loop:
                b_pairs = b.row_pairs(loop.index, vectors)
                for r in range(rows):
                    factor = a.pair(r, loop.index)
                    for v in range(vectors):
                        total = dot_bf16(builder, factor, b_pairs[v], builder.load(sums[r, v]))
                        builder.store(total, sums[r, v])
                        start, end = (
                            prefetch * (r * vectors + v + i) // (rows * vectors) for i in (0, 1)
                        )
                        ahead.prefetch(loop.index, start, end)
            for r in range(rows):
                totals = [builder.load(sums[r, v]) for v in range(vectors)]
                if vectors > 1 and not b.is_interleaved:
                    totals = _in_order(builder, totals)
                for v, total in enumerate(totals):
                    before = c.vector(row=r, col=v * LANES) if accumulate else zero
                    c.store(builder.fadd(before, total), row=r, col=v * LANES)
            return context.get_dummy_value()

        return types.void(c, a, b, n, ahead), generate

    return product


def _in_order(builder: ir.IRBuilder, totals: Sequence[Value]) -> list[Value]:
    """The sums of unpacked pairs, two vectors by two, as columns in order."""
    return [
        shuffle(builder, totals[v], totals[v + 1], order)
        for v in range(0, len(totals), 2)
        for order in REPACK
    ]


score_bf16, add_values_bf16 = (
    product(TILES, accumulate=accumulate, new_tile=dot_tile, prefetch=PREFETCH)
    for accumulate in (False, True)
)


@njit(fastmath=FASTMATH)
def copy_rows(scratch, offset, b, rows, columns):
    """Rows rows[0] and rows[0] + 1 of b as an operand in scratch; zeros from rows[1] on.

    `columns` are (those to copy, stride of the copy). What lies behind the last row may be NaN, or
    no memory at all, so it must not be half of a pair.
    """
    (numbers, b_offset, b_stride), (start, end), (n, n_stored) = b, rows, columns
    halves, first = scratch.view(np.uint16), 2 * offset
    halves[first : first + 2 * n_stored] = 0
    for row in range(start, min(start + 2, end)):
        for i in range(n):
            halves[first + (row - start) * n_stored + i] = numbers[b_offset + row * b_stride + i]
    return halves, first, n_stored
