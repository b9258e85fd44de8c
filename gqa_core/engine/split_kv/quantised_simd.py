"""Vector instructions for caches of codes: what `simd` has not, written in the same way."""

from __future__ import annotations

from llvmlite import ir
from numba import types

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.simd import intrinsic
from gqa_core.engine.split_kv.vectors import I16_VECTOR, LANES, Operand, Value, call, splat


@intrinsic
def row_scale(typing, c, scales, factor):
    """c[l] *= scales[l] * factor for each l of a page."""

    def generate(context, builder, signature, arguments):
        c, scales = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        factor = splat(builder, arguments[2])
        for col in range(0, PAGE, LANES):
            scale = builder.fmul(scales.vector(col=col), factor)
            c.store(builder.fmul(c.vector(col=col), scale), col=col)
        return context.get_dummy_value()

    return types.void(c, scales, types.float32), generate


@intrinsic
def bf16_scaled(typing, c, b, scale):
    """c[0 : LANES] = b[0 : LANES] * scale rounded to bfloat16; HAS_BF16_DOT."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        product = builder.fmul(b.vector(), splat(builder, arguments[2]))
        _store_bf16(builder, c.pointer, product)
        return context.get_dummy_value()

    return types.void(c, b, types.float32), generate


def _store_bf16(builder: ir.IRBuilder, pointer: Value, x: Value) -> None:
    """Write LANES numbers rounded to bfloat16."""
    rounded = call(builder, "llvm.x86.avx512bf16.cvtneps2bf16.512", I16_VECTOR, x)
    builder.store(rounded, builder.bitcast(pointer, I16_VECTOR.as_pointer()), align=2)
