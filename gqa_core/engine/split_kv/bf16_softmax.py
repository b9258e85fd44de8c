"""Online softmax whose weights become pairs of bfloat16, as `bf16_dots` multiplies them.

The running sums add the rounded weights, so that rounding does not change the mean of what is
weighted.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.bf16_dots import shuffle
from gqa_core.engine.split_kv.simd import intrinsic
from gqa_core.engine.split_kv.vectors import (
    F32,
    F32_VECTOR,
    I16,
    I32_VECTOR,
    LANES,
    Operand,
    Value,
    call,
    exp2,
    fmax,
    splat,
    splat_constant,
    tree_reduce,
)

ROWS_IN_PAIRS = [number + row * LANES for number in range(LANES) for row in (0, 1)]


@intrinsic
def row_scale_max(typing, c, scale):
    """max(c[0 : PAGE]) after c[l] *= scale for each l."""

    def generate(context, builder, signature, arguments):
        c = Operand(context, builder, signature.args[0], arguments[0])
        scale, vectors = splat(builder, arguments[1]), []
        for col in range(0, PAGE, LANES):
            vectors.append(builder.fmul(c.vector(col=col), scale))
            c.store(vectors[-1], col=col)
        lanes = tree_reduce(vectors, lambda x, y: fmax(builder, x, y))
        return call(builder, f"llvm.vector.reduce.fmax.v{LANES}f32", F32, lanes)

    return types.float32(c, types.float32), generate


@intrinsic
def row_exp2_pairs(typing, c, pairs, running_max):
    """The sum of the weights 2 ** (c[l] - running_max) in bfloat16, l in range(PAGE).

    Word i of `pairs` becomes the weights of (c[2 * i], c[2 * i + 1]).
    """

    def generate(context, builder, signature, arguments):
        c, pairs = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        running_max, rounded = splat(builder, arguments[2]), []
        for col in range(0, PAGE, 2 * LANES):
            x, y = (
                exp2(builder, builder.fsub(c.vector(col=first), running_max))
                for first in (col, col + LANES)
            )
            words = _to_bf16(builder, x, y)
            pairs.store(builder.bitcast(words, F32_VECTOR), col=col // 2)
            rounded += _upcast_pairs(builder, words)
        lanes = tree_reduce(rounded, builder.fadd)
        zero = ir.Constant(F32, 0.0)
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        return call(builder, name, F32, zero, lanes, fastmath=("reassoc",))

    return types.float32(c, pairs, types.float32), generate


@intrinsic
def column_softmax_pairs(typing, c, pairs, n, scale, running_max, running_sum, rescale):
    """`simd.column_softmax` of c * scale, for rows two by two.

    c stays as it is. Word l of row i of `pairs` becomes the weights of (c[2 * i, l],
    c[2 * i + 1, l]) in bfloat16, as which they are summed; the weights of row n are 0.
    """

    def generate(context, builder, signature, arguments):
        c, pairs, running_max, running_sum, rescale = (
            Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1, 4, 5, 6)
        )
        n, scale, old_max = arguments[2], splat(builder, arguments[3]), running_max.vector()
        maximum = cgutils.alloca_once_value(builder, old_max)
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            scaled = builder.fmul(c.vector(loop.index), scale)
            builder.store(fmax(builder, builder.load(maximum), scaled), maximum)
        new_max = builder.load(maximum)
        factor = exp2(builder, builder.fsub(old_max, new_max))
        running_max.store(new_max)
        rescale.store(factor)
        total = cgutils.alloca_once_value(builder, builder.fmul(factor, running_sum.vector()))

        def weight(row: Value) -> Value:
            scaled = builder.fmul(c.vector(row), scale)
            return exp2(builder, builder.fsub(scaled, new_max))

        step = ir.Constant(n.type, 1)
        n_pairs = builder.lshr(builder.add(n, step), step)
        with cgutils.for_range(builder, n_pairs, intp=n.type) as loop:
            row = builder.shl(loop.index, step)
            next_row = builder.add(row, step)
            is_within = builder.icmp_signed("<", next_row, n)
            second = builder.select(is_within, weight(next_row), splat_constant(0.0))
            words = _to_bf16(builder, weight(row), second)
            words = shuffle(builder, words, words, ROWS_IN_PAIRS)
            pairs.store(builder.bitcast(words, F32_VECTOR), row=loop.index)
            for weights in _upcast_pairs(builder, words):
                builder.store(builder.fadd(builder.load(total), weights), total)
        running_sum.store(builder.load(total))
        return context.get_dummy_value()

    return types.void(c, pairs, n, types.float32, running_max, running_sum, rescale), generate


def _to_bf16(builder: ir.IRBuilder, x: Value, y: Value) -> Value:
    """The numbers of x, then those of y, rounded to bfloat16."""
    kind = ir.VectorType(I16, 2 * LANES)
    return call(builder, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", kind, y, x)


def _upcast_pairs(builder: ir.IRBuilder, words: Value) -> list[Value]:
    """The first numbers of all pairs, and the second ones, as float32."""
    words = builder.bitcast(words, I32_VECTOR)
    low, high = (ir.Constant(I32_VECTOR, [bits] * LANES) for bits in (16, 0xFFFF0000))
    pair = builder.shl(words, low), builder.and_(words, high)
    return [builder.bitcast(number, F32_VECTOR) for number in pair]
