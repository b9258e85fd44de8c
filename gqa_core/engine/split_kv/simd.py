"""Vector instructions for numba: the inner loops of split-KV attention, LANES numbers at a time.

numba compiles a plain loop well, but it cannot keep a tile of running sums in registers, and it
adds numbers one after the other unless it may reorder every sum. So the few inner loops that matter
are written here as LLVM IR; each docstring first shows the plain loop that it replaces. Operands
are those of `vectors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.vectors import (
    F32,
    F32_VECTOR,
    I32,
    LANES,
    Operand,
    call,
    exp2,
    fma,
    fmax,
    splat,
    splat_constant,
    tree_reduce,
)

intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = numba_intrinsic


def tile(rows: int, vectors: int, *, accumulate: bool, prefetch: int) -> Callable:
    """A product of `rows` x (`vectors` * LANES), its sums in registers:

        for r in range(rows):
            for l in range(vectors * LANES):
                c[r, l] = (c[r, l] if accumulate else 0) + sum(a[r, i] * b[i, l] for i in range(n))

    called as (c, a, b, n, ahead): c (array, offset, row_stride), a (array, offset, row_stride,
    step), b and ahead (array, offset, row_stride). At each i, `prefetch` elements of `ahead` are
    prefetched: a part of them after each row, since prefetching all at once delays the loads of
    this product (by a fifth of its time; see `attention`).
    """

    @intrinsic
    def product(typing, c, a, b, n, ahead):
        def generate(context, builder, signature, arguments):
            operand_types = signature.args
            c, a, b, n, ahead = arguments
            c = Operand(context, builder, operand_types[0], c)
            a = Operand(context, builder, operand_types[1], a)
            b = Operand(context, builder, operand_types[2], b)
            ahead = Operand(context, builder, operand_types[4], ahead)
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            sums = {cell: cgutils.alloca_once(builder, F32_VECTOR) for cell in cells}
            for r, v in cells:
                start = c.vector(row=r, col=v * LANES) if accumulate else splat_constant(0.0)
                builder.store(start, sums[r, v])
            with cgutils.for_range(builder, n, intp=n.type) as loop:
                b_vectors = [b.vector(row=loop.index, col=v * LANES) for v in range(vectors)]
                for r in range(rows):
                    factor = splat(builder, a.scalar(r, loop.index))
                    for v in range(vectors):
                        total = fma(builder, factor, b_vectors[v], builder.load(sums[r, v]))
                        builder.store(total, sums[r, v])
                    ahead.prefetch(loop.index, prefetch * r // rows, prefetch * (r + 1) // rows)
            for r, v in cells:
                c.store(builder.load(sums[r, v]), row=r, col=v * LANES)
            return context.get_dummy_value()

        return types.void(c, a, b, n, ahead), generate

    return product


@intrinsic
def row_max(typing, c):
    """max(c[0 : PAGE])."""

    def generate(context, builder, signature, arguments):
        c = Operand(context, builder, signature.args[0], arguments[0])
        vectors = [c.vector(col=col) for col in range(0, PAGE, LANES)]
        lanes = tree_reduce(vectors, lambda x, y: fmax(builder, x, y))
        return call(builder, f"llvm.vector.reduce.fmax.v{LANES}f32", F32, lanes)

    return types.float32(c), generate


@intrinsic
def row_exp2(typing, c, running_max):
    """sum(c[0 : PAGE]) after c[l] = 2 ** (c[l] - running_max) for each l."""

    def generate(context, builder, signature, arguments):
        c = Operand(context, builder, signature.args[0], arguments[0])
        running_max, weights = splat(builder, arguments[1]), []
        for col in range(0, PAGE, LANES):
            weights.append(exp2(builder, builder.fsub(c.vector(col=col), running_max)))
            c.store(weights[-1], col=col)
        lanes = tree_reduce(weights, builder.fadd)
        zero = ir.Constant(F32, 0.0)
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        return call(builder, name, F32, zero, lanes, fastmath=("reassoc",))

    return types.float32(c, types.float32), generate


@intrinsic
def column_softmax(typing, c, n, running_max, running_sum, rescale):
    """Online softmax of LANES columns of n rows, each lane l by itself:

    old, running_max[l] = running_max[l], max(running_max[l], *c[:, l])
    rescale[l] = 2 ** (old - running_max[l])
    c[:, l] = 2 ** (c[:, l] - running_max[l])
    running_sum[l] = running_sum[l] * rescale[l] + sum(c[:, l])
    """

    def generate(context, builder, signature, arguments):
        c, running_max, running_sum, rescale = (
            Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 2, 3, 4)
        )
        n, old_max = arguments[1], running_max.vector()
        maximum = cgutils.alloca_once_value(builder, old_max)
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            builder.store(fmax(builder, builder.load(maximum), c.vector(loop.index)), maximum)
        new_max = builder.load(maximum)
        factor = exp2(builder, builder.fsub(old_max, new_max))
        running_max.store(new_max)
        rescale.store(factor)
        total = cgutils.alloca_once_value(builder, builder.fmul(factor, running_sum.vector()))
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            weight = exp2(builder, builder.fsub(c.vector(loop.index), new_max))
            c.store(weight, row=loop.index)
            builder.store(builder.fadd(builder.load(total), weight), total)
        running_sum.store(builder.load(total))
        return context.get_dummy_value()

    return types.void(c, n, running_max, running_sum, rescale), generate


@intrinsic
def upcast(typing, c, b):
    """c[0 : LANES] = b[0 : LANES] as float32."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        c.store(b.vector())
        return context.get_dummy_value()

    return types.void(c, b), generate


@intrinsic
def load_f32(typing, b):
    """b[0] as float32."""

    def generate(context, builder, signature, arguments):
        return Operand(context, builder, signature.args[0], arguments[0]).first()

    return types.float32(b), generate


@intrinsic
def store_rounded(typing, b, x):
    """b[0] = x, rounded to bfloat16 if b holds bfloat16 (ties to even, NaN stays NaN)."""

    def generate(context, builder, signature, arguments):
        pointer = Operand(context, builder, signature.args[0], arguments[0]).pointer
        builder.store(rounded(builder, pointer.type.pointee, arguments[1]), pointer)
        return context.get_dummy_value()

    return types.void(b, types.float32), generate


def rounded(builder: ir.IRBuilder, kind: ir.Type, x: ir.Value) -> ir.Value:
    """A float32, or a vector of them, as numbers of this kind; bfloat16 is a 16-bit integer."""
    if kind == F32:
        return x
    lanes = x.type.count if isinstance(x.type, ir.VectorType) else None

    def typed(scalar: ir.Type) -> ir.Type:
        return scalar if lanes is None else ir.VectorType(scalar, lanes)

    def constant(number: int) -> ir.Constant:
        return ir.Constant(typed(I32), number if lanes is None else [number] * lanes)

    bits, half = builder.bitcast(x, typed(I32)), constant(16)
    is_odd = builder.and_(builder.lshr(bits, half), constant(1))
    nearest = builder.add(builder.add(bits, constant(0x7FFF)), is_odd)
    is_number = builder.fcmp_ordered("==", x, x)
    chosen = builder.select(is_number, nearest, constant(0x7FC00000))
    return builder.trunc(builder.lshr(chosen, half), typed(kind))


@intrinsic
def pointer_to(typing, address, witness):
    """An address as a pointer to numbers of the type of `witness`."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(witness)(address, witness), generate
