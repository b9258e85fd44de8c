"""The compiled loops of the roofline probes: multiply-adds on registers, and reads in order.

The multiply-adds are N_CHAINS independent sums per thread, all in registers: enough to hide the
latency of the instruction. Every number starts at 0 and each product adds 1 to it, so that the
results count what was really computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils

from gqa_core.engine.split_kv.compile_cache import njit_cached
from gqa_core.engine.split_kv.simd import intrinsic
from gqa_core.engine.split_kv.vectors import (
    CACHE_LINE_BYTES,
    F32_VECTOR,
    I8,
    I32,
    I32_VECTOR,
    LANES,
    Operand,
    call,
    dot_bf16,
    fma,
    prefetch_line,
    tree_reduce,
)

N_CHAINS = 12  # latency 4 to 6 cycles, up to 2 per cycle; with the factor 13 of 16 registers
N_STREAMS, VECTORS_PER_STEP = 4, 4  # of the reader, per thread
AHEAD_BYTES = 1024  # of the prefetches: how far ahead of the reads


def _chains(multiply_add: Callable[..., ir.Value], kind: ir.VectorType) -> Callable:
    """An intrinsic (c, factors, n) for N_CHAINS rows of c: n times c[r] += x * x."""

    @intrinsic
    def chains(typing, c, factors, n):
        def generate(context, builder, signature, arguments):
            c, factors = (
                Operand(context, builder, signature.args[i], arguments[i]) for i in (0, 1)
            )
            x = builder.load(builder.bitcast(factors.pointer, kind.as_pointer()), align=2)
            sums = [cgutils.alloca_once_value(builder, c.vector(row=r)) for r in range(N_CHAINS)]
            with cgutils.for_range(builder, arguments[2], intp=arguments[2].type):
                for total in sums:
                    builder.store(multiply_add(builder, x, x, builder.load(total)), total)
            for r, total in enumerate(sums):
                c.store(builder.load(total), row=r)
            return context.get_dummy_value()

        return types.void(c, factors, n), generate

    return chains


_fma_chains, _dot_bf16_chains = _chains(fma, F32_VECTOR), _chains(dot_bf16, I32_VECTOR)


@intrinsic
def _sum_streams(typing, words, n_steps):
    """sum(words[r, : n_steps * VECTORS_PER_STEP * LANES] for r in range(N_STREAMS))."""

    def generate(context, builder, signature, arguments):
        words = Operand(context, builder, signature.args[0], arguments[0])
        zero = ir.Constant(I32_VECTOR, [0] * LANES)
        sums = [cgutils.alloca_once_value(builder, zero) for _ in range(VECTORS_PER_STEP)]
        n_steps = arguments[1]
        with cgutils.for_range(builder, n_steps, intp=n_steps.type) as loop:
            for r in range(N_STREAMS):
                _add_step(builder, words.row_pointer(r, 0), loop.index, sums)
        total = tree_reduce([builder.load(total) for total in sums], builder.add)
        return call(builder, f"llvm.vector.reduce.add.v{LANES}i32", I32, total)

    return types.int32(words, n_steps), generate


def _add_step(
    builder: ir.IRBuilder, stream: ir.Value, step: ir.Value, sums: Sequence[ir.Value]
) -> None:
    """Add the vectors of one step of a stream to the sums, and prefetch what lies ahead."""
    first = builder.mul(step, ir.Constant(step.type, VECTORS_PER_STEP * LANES))
    pointer = builder.bitcast(builder.gep(stream, [first]), I32_VECTOR.as_pointer())
    for v, total in enumerate(sums):
        vector = builder.load(builder.gep(pointer, [ir.Constant(I32, v)]), align=4)
        builder.store(builder.add(builder.load(total), vector), total)
    for byte in range(AHEAD_BYTES, AHEAD_BYTES + VECTORS_PER_STEP * LANES * 4, CACHE_LINE_BYTES):
        ahead = builder.gep(builder.bitcast(pointer, I8.as_pointer()), [ir.Constant(I32, byte)])
        prefetch_line(builder, ahead)


@njit_cached
def fma_steps(n_steps, n_threads):
    """The sums (n_threads, N_CHAINS * LANES) after n_steps float32 multiply-adds of each."""
    sums = np.zeros((n_threads, N_CHAINS * LANES), np.float32)
    factors = np.ones(LANES, np.float32)
    for thread in prange(n_threads):
        _fma_chains((sums[thread], 0, LANES), (factors, 0, 0), n_steps)
    return sums


@njit_cached
def dot_bf16_steps(n_steps, n_threads):
    """The sums (n_threads, N_CHAINS * LANES) after n_steps dot products of two bfloat16 each."""
    sums = np.zeros((n_threads, N_CHAINS * LANES), np.float32)
    factors = np.full(2 * LANES, 0x3F80, np.uint16)
    for thread in prange(n_threads):
        _dot_bf16_chains((sums[thread], 0, LANES), (factors, 0, 0), n_steps)
    return sums


@njit_cached
def read_words(words, n_threads):
    """Sums (n_threads,) modulo 2^32 of the shares of the threads, each in N_STREAMS streams."""
    sums, per_step = np.zeros(n_threads, np.int32), VECTORS_PER_STEP * LANES
    n_steps = words.size // (n_threads * N_STREAMS * per_step)
    share = n_steps * N_STREAMS * per_step
    for thread in prange(n_threads):
        sums[thread] = _sum_streams((words, thread * share, n_steps * per_step), n_steps)
    for i in range(n_threads * share, words.size):
        sums[0] += words[i]
    return sums
