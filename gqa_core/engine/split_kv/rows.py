"""Whole rows of LANES numbers: scaled, added, rounded; and single powers of two.

What surrounds the products costs a fixed time per call, which a context of 1,024 tokens shows. In
scalar loops and with the C library's power, a call over one token of 32 query rows of 128 took 19.4
us, in whole vectors it takes 11.8 (one EPYC core, caches warm).
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types

from gqa_core.engine.split_kv.products import FASTMATH
from gqa_core.engine.split_kv.simd import intrinsic, load_f32, rounded, store_rounded
from gqa_core.engine.split_kv.vectors import I32, LANES, Operand, exp2, fma, splat


@intrinsic
def power_of_two(typing, x):
    """2 ** x for x <= 0, as `vectors.exp2`."""

    def generate(context, builder, signature, arguments):
        power = exp2(builder, splat(builder, arguments[0]))
        return builder.extract_element(power, ir.Constant(I32, 0))

    return types.float32(types.float32), generate


@intrinsic
def _set_lanes(typing, c, b, factor):
    """c[0 : LANES] = b[0 : LANES] * factor as float32."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        c.store(builder.fmul(b.vector(), splat(builder, arguments[2])))
        return context.get_dummy_value()

    return types.void(c, b, types.float32), generate


@intrinsic
def _add_lanes(typing, c, b, factor):
    """c[0 : LANES] += b[0 : LANES] * factor."""

    def generate(context, builder, signature, arguments):
        c, b = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        c.store(fma(builder, b.vector(), splat(builder, arguments[2]), c.vector()))
        return context.get_dummy_value()

    return types.void(c, b, types.float32), generate


@intrinsic
def _store_lanes(typing, b, c):
    """b[0 : LANES] = c[0 : LANES], rounded as by `store_rounded`."""

    def generate(context, builder, signature, arguments):
        b, c = (Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1))
        pointer = b.pointer
        lanes = rounded(builder, pointer.type.pointee, c.vector())
        builder.store(lanes, builder.bitcast(pointer, lanes.type.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(b, c), generate


@njit(fastmath=FASTMATH)
def load_row(scratch, offset, b, b_offset, n, factor):
    """scratch[offset + i] = b[b_offset + i] * factor as float32, for i in range(n)."""
    n_whole = n - n % LANES
    for i in range(0, n_whole, LANES):
        _set_lanes((scratch, offset + i, 0), (b, b_offset + i, 0), factor)
    for i in range(n_whole, n):
        scratch[offset + i] = load_f32((b, b_offset + i, 0)) * factor


@njit(fastmath=FASTMATH)
def scale_row(scratch, offset, n, factor):
    """scratch[offset + i] *= factor, for i in range(n); n is a multiple of LANES."""
    for i in range(offset, offset + n, LANES):
        _set_lanes((scratch, i, 0), (scratch, i, 0), factor)


@njit(fastmath=FASTMATH)
def add_row(scratch, offset, b_offset, n, factor):
    """scratch[offset + i] += scratch[b_offset + i] * factor, i in range(n), in whole vectors."""
    for i in range(0, n, LANES):
        _add_lanes((scratch, offset + i, 0), (scratch, b_offset + i, 0), factor)


@njit(fastmath=FASTMATH)
def store_row(o, o_offset, scratch, offset, n):
    """o[o_offset + i] = scratch[offset + i], rounded as by `store_rounded`, for i in range(n)."""
    n_whole = n - n % LANES
    for i in range(0, n_whole, LANES):
        _store_lanes((o, o_offset + i, 0), (scratch, offset + i, 0))
    for i in range(n_whole, n):
        store_rounded((o, o_offset + i, 0), scratch[offset + i])
