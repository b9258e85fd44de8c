"""Vector instructions for numba: what split-KV attention does to LANES numbers at once.

numba compiles a plain loop well, but it cannot hold a tile of running sums in registers, and it
adds numbers one after the other unless it may reorder every sum. So the few inner loops that matter
are written here in LLVM's own terms; each says first which plain loop it stands for. Operands are
those of `vectors`.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gqa_core.engine.kernels.vectors import (
    F32,
    I32,
    LANES,
    VECTOR,
    Operand,
    call,
    exp2,
    folded,
    larger,
    multiply_add,
    splat,
    splat_constant,
)
from gqa_core.engine.key_layouts import PAGE


def tile(rows: int, vectors: int, *, adds: bool, asks: int) -> Callable:
    """A product of `rows` x (`vectors` * LANES), its sums in registers:

        for r in range(rows):
            for l in range(vectors * LANES):
                c[r, l] = (c[r, l] if adds else 0) + sum(a[r, i] * b[i, l] for i in range(n))

    called as (c, a, b, n, ahead): c (array, at, row), a (array, at, row, step), b and ahead (array,
    at, step). At each i, `asks` numbers of `ahead` are asked for from memory, to be there later: a
    part of them after each row, since all at once they hold up what is multiplied next (a fifth of
    the time; see `split_kv_loops`).
    """

    @intrinsic
    def product(typing, c, a, b, n, ahead):
        def generate(context, builder, signature, arguments):
            types_of = signature.args
            c, a, b, n, ahead = arguments
            c = Operand(context, builder, types_of[0], c)
            a = Operand(context, builder, types_of[1], a)
            b = Operand(context, builder, types_of[2], b)
            ahead = Operand(context, builder, types_of[4], ahead)
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            sums = {cell: cgutils.alloca_once(builder, VECTOR) for cell in cells}
            for r, v in cells:
                start = c.vector(row=r, past=v * LANES) if adds else splat_constant(0.0)
                builder.store(start, sums[r, v])
            with cgutils.for_range(builder, n, intp=n.type) as loop:
                of_b = [b.vector(row=loop.index, past=v * LANES) for v in range(vectors)]
                for r in range(rows):
                    factor = splat(builder, a.number(r, loop.index))
                    for v in range(vectors):
                        total = multiply_add(builder, factor, of_b[v], builder.load(sums[r, v]))
                        builder.store(total, sums[r, v])
                    ahead.fetch(loop.index, asks * r // rows, asks * (r + 1) // rows)
            for r, v in cells:
                c.store(builder.load(sums[r, v]), row=r, past=v * LANES)
            return context.get_dummy_value()

        return types.void(c, a, b, n, ahead), generate

    return product


@intrinsic
def row_max(typing, c):
    """max(c[0 : PAGE])."""

    def generate(context, builder, signature, arguments):
        c = Operand(context, builder, signature.args[0], arguments[0])
        parts = [c.vector(past=past) for past in range(0, PAGE, LANES)]
        whole = folded(parts, lambda x, y: larger(builder, x, y))
        return call(builder, f"llvm.vector.reduce.fmax.v{LANES}f32", F32, whole)

    return types.float32(c), generate


@intrinsic
def row_exp2(typing, c, top):
    """sum(c[0 : PAGE]) once each of them is 2 ** (c[l] - top)."""

    def generate(context, builder, signature, arguments):
        c = Operand(context, builder, signature.args[0], arguments[0])
        top, parts = splat(builder, arguments[1]), []
        for past in range(0, PAGE, LANES):
            parts.append(exp2(builder, builder.fsub(c.vector(past=past), top)))
            c.store(parts[-1], past=past)
        whole = folded(parts, builder.fadd)
        zero = ir.Constant(F32, 0.0)
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        return call(builder, name, F32, zero, whole, fastmath=("reassoc",))

    return types.float32(c, types.float32), generate


@intrinsic
def column_softmax(typing, c, n, top, total, keep):
    """Online softmax of LANES columns of n rows, each lane l by itself:

    before, top[l] = top[l], max(top[l], *c[:, l])
    keep[l] = 2 ** (before - top[l])
    c[:, l] = 2 ** (c[:, l] - top[l])
    total[l] = total[l] * keep[l] + sum(c[:, l])
    """

    def generate(context, builder, signature, arguments):
        c, top, total, keep = (
            Operand(context, builder, signature.args[at], arguments[at]) for at in (0, 2, 3, 4)
        )
        n, before = arguments[1], top.vector()
        largest = cgutils.alloca_once_value(builder, before)
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            builder.store(larger(builder, builder.load(largest), c.vector(loop.index)), largest)
        now = builder.load(largest)
        kept = exp2(builder, builder.fsub(before, now))
        top.store(now)
        keep.store(kept)
        summed = cgutils.alloca_once_value(builder, builder.fmul(kept, total.vector()))
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            weight = exp2(builder, builder.fsub(c.vector(loop.index), now))
            c.store(weight, row=loop.index)
            builder.store(builder.fadd(builder.load(summed), weight), summed)
        total.store(builder.load(summed))
        return context.get_dummy_value()

    return types.void(c, n, top, total, keep), generate


@intrinsic
def widen(typing, c, b):
    """c[0 : LANES] = b[0 : LANES], whatever b holds, as float32."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[at], arguments[at]) for at in (0, 1))
        c.store(b.vector())
        return context.get_dummy_value()

    return types.void(c, b), generate


@intrinsic
def number(typing, b):
    """b[0], whatever b holds, as float32."""

    def generate(context, builder, signature, arguments):
        return Operand(context, builder, signature.args[0], arguments[0]).first()

    return types.float32(b), generate


@intrinsic
def put(typing, b, x):
    """b[0] = x, to the nearest bfloat16 where b holds such (ties to even, NaN stays one)."""

    def generate(context, builder, signature, arguments):
        place = Operand(context, builder, signature.args[0], arguments[0]).place
        builder.store(_rounded(builder, place.type.pointee, arguments[1]), place)
        return context.get_dummy_value()

    return types.void(b, types.float32), generate


def _rounded(builder: ir.IRBuilder, kind: ir.Type, x: ir.Value) -> ir.Value:
    if kind == F32:
        return x
    bits, half = builder.bitcast(x, I32), ir.Constant(I32, 16)
    is_odd = builder.and_(builder.lshr(bits, half), ir.Constant(I32, 1))
    nearest = builder.add(builder.add(bits, ir.Constant(I32, 0x7FFF)), is_odd)
    is_number = builder.fcmp_ordered("==", x, x)
    kept = builder.select(is_number, nearest, ir.Constant(I32, 0x7FC00000))
    return builder.trunc(builder.lshr(kept, half), kind)


@intrinsic
def pointer_to(typing, address, like):
    """An address as a pointer to numbers of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(address, like), generate
