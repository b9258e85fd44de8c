"""Vector instructions for caches of codes: what `simd` has not, written in the same way."""

from __future__ import annotations

from numba import types

from gqa_core.engine.key_layouts import PAGE
from gqa_core.engine.split_kv.simd import intrinsic
from gqa_core.engine.split_kv.vectors import LANES, Operand, splat


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
def upcast_scaled(typing, c, b, scale):
    """c[0 : LANES] = b[0 : LANES] * scale as float32."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        c.store(builder.fmul(b.vector(), splat(builder, arguments[2])))
        return context.get_dummy_value()

    return types.void(c, b, types.float32), generate
