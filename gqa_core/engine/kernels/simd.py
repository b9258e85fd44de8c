"""Vector instructions for numba: what split-KV attention does to LANES numbers at once.

numba compiles a plain loop well, but it cannot hold a tile of running sums in registers, and it
adds numbers one after the other unless it may reorder every sum. So the few inner loops that matter
are written here in LLVM's own terms; each says first which plain loop it stands for.

Operands are flat arrays with a place in them: (array, at, row) has its row r at `at + r * row`, and
(array, at, row, step) its number i of row r at `at + r * row + i * step`. Sums are float32. What is
only read, lane by lane, may also be bfloat16 or float16, held as uint16 and int16 since numba knows
neither.

LANES and the tiles follow the CPU that numba compiles for, which the environment's NUMBA_CPU_NAME
and NUMBA_CPU_FEATURES override. LLVM turns a vector of any width into what the CPU has.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from gqa_core.engine.key_layouts import PAGE

FEATURES = cpu_target.target_context.codegen().magic_tuple()[2]
IS_ARM = platform.machine() in ("arm64", "aarch64")
HAS_FMA, HAS_HALF = ("+fma" in FEATURES or IS_ARM), ("+f16c" in FEATURES or IS_ARM)
LANES = 16 if "+avx512f" in FEATURES else 8 if "+avx2" in FEATURES else 4
TILES = ((4, 4), (8, 2), (16, 1)) if LANES == 16 else ((4, 2), (8, 1))  # sums in 16 or 8 registers
CACHE_LINE = 64

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
VECTOR = ir.VectorType(F32, LANES)
BITS, HALVES = ir.VectorType(I32, LANES), ir.VectorType(ir.IntType(16), LANES)
EXP2 = (1.8670634e-3, 9.0171713e-3, 5.5799812e-2, 2.4016447e-1, 6.9315130e-1, 1.0)  # exact at 0

Builder, Value = ir.IRBuilder, ir.Value


def tile(rows: int, vectors: int, *, adds: bool, asks: int) -> Callable:
    """A product of `rows` x (`vectors` * LANES), its sums in registers:

        for r in range(rows):
            for l in range(vectors * LANES):
                c[r, l] = (c[r, l] if adds else 0) + sum(a[r, i] * b[i, l] for i in range(n))

    called as (c, a, b, n, ahead): c (array, at, row), a (array, at, row, step), b and ahead (array,
    at, step). At each i, `asks` numbers of `ahead` are asked for from memory, to be there later.
    """

    @intrinsic
    def product(typing, c, a, b, n, ahead):
        def generate(context, builder, signature, arguments):
            types_of = signature.args
            c, a, b, n, ahead = arguments
            c = _Operand(context, builder, types_of[0], c)
            a = _Operand(context, builder, types_of[1], a)
            b = _Operand(context, builder, types_of[2], b)
            ahead = _Operand(context, builder, types_of[4], ahead)
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            sums = {cell: cgutils.alloca_once(builder, VECTOR) for cell in cells}
            for r, v in cells:
                start = c.vector(row=r, past=v * LANES) if adds else _splat_constant(0.0)
                builder.store(start, sums[r, v])
            with cgutils.for_range(builder, n, intp=n.type) as loop:
                of_b = [b.vector(row=loop.index, past=v * LANES) for v in range(vectors)]
                ahead.fetch(loop.index, asks)
                for r in range(rows):
                    factor = _splat(builder, a.number(r, loop.index))
                    for v in range(vectors):
                        total = _multiply_add(builder, factor, of_b[v], builder.load(sums[r, v]))
                        builder.store(total, sums[r, v])
            for r, v in cells:
                c.store(builder.load(sums[r, v]), row=r, past=v * LANES)
            return context.get_dummy_value()

        return types.void(c, a, b, n, ahead), generate

    return product


@intrinsic
def row_max(typing, c):
    """max(c[0 : PAGE])."""

    def generate(context, builder, signature, arguments):
        c = _Operand(context, builder, signature.args[0], arguments[0])
        parts = [c.vector(past=past) for past in range(0, PAGE, LANES)]
        whole = _folded(parts, lambda x, y: _larger(builder, x, y))
        return _call(builder, f"llvm.vector.reduce.fmax.v{LANES}f32", F32, whole)

    return types.float32(c), generate


@intrinsic
def row_exp2(typing, c, top):
    """sum(c[0 : PAGE]) once each of them is 2 ** (c[l] - top)."""

    def generate(context, builder, signature, arguments):
        c = _Operand(context, builder, signature.args[0], arguments[0])
        top, parts = _splat(builder, arguments[1]), []
        for past in range(0, PAGE, LANES):
            parts.append(_exp2(builder, builder.fsub(c.vector(past=past), top)))
            c.store(parts[-1], past=past)
        whole = _folded(parts, builder.fadd)
        zero = ir.Constant(F32, 0.0)
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        return _call(builder, name, F32, zero, whole, fastmath=("reassoc",))

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
            _Operand(context, builder, signature.args[at], arguments[at]) for at in (0, 2, 3, 4)
        )
        n, before = arguments[1], top.vector()
        largest = cgutils.alloca_once_value(builder, before)
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            builder.store(_larger(builder, builder.load(largest), c.vector(loop.index)), largest)
        now = builder.load(largest)
        kept = _exp2(builder, builder.fsub(before, now))
        top.store(now)
        keep.store(kept)
        summed = cgutils.alloca_once_value(builder, builder.fmul(kept, total.vector()))
        with cgutils.for_range(builder, n, intp=n.type) as loop:
            weight = _exp2(builder, builder.fsub(c.vector(loop.index), now))
            c.store(weight, row=loop.index)
            builder.store(builder.fadd(builder.load(summed), weight), summed)
        total.store(builder.load(summed))
        return context.get_dummy_value()

    return types.void(c, n, top, total, keep), generate


@intrinsic
def widen(typing, c, b):
    """c[0 : LANES] = b[0 : LANES], whatever b holds, as float32."""

    def generate(context, builder, signature, arguments):
        c, b = (_Operand(context, builder, signature.args[at], arguments[at]) for at in (0, 1))
        c.store(b.vector())
        return context.get_dummy_value()

    return types.void(c, b), generate


@intrinsic
def number(typing, b):
    """b[0], whatever b holds, as float32."""

    def generate(context, builder, signature, arguments):
        return _Operand(context, builder, signature.args[0], arguments[0]).first()

    return types.float32(b), generate


@intrinsic
def pointer_to(typing, address, like):
    """An address as a pointer to numbers of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(address, like), generate


class _Operand:
    """A place in a flat array, and how far apart its rows and steps are."""

    def __init__(self, context, builder: Builder, typed: types.BaseTuple, value: Value) -> None:
        self._builder, self._holds = builder, typed[0].dtype
        array, self._at, *self._strides = cgutils.unpack_tuple(builder, value)
        self._data = cgutils.create_struct_proxy(typed[0])(context, builder, array).data

    def number(self, row: int, i: Value) -> Value:
        """Float32 number i of a row."""
        by_row, by_step = self._strides
        place = self._place((i, by_step))  # one address a step, from which all rows are told
        past = self._builder.mul(ir.Constant(I64, row), by_row)
        return self._builder.load(self._builder.gep(place, [past]), align=4)

    def first(self) -> Value:
        """The number at the place, as float32."""
        held = self._builder.load(self._row(0, 0))
        if self._holds == types.float32:
            return held
        one = self._builder.insert_element(ir.Constant(HALVES, None), held, ir.Constant(I32, 0))
        return self._builder.extract_element(self._widened(one), ir.Constant(I32, 0))

    def vector(self, row: int | Value = 0, past: int = 0) -> Value:
        """LANES numbers of a row from `past` on, as float32."""
        builder, place = self._builder, self._row(row, past)
        if self._holds == types.float32:
            return builder.load(builder.bitcast(place, VECTOR.as_pointer()), align=4)
        return self._widened(builder.load(builder.bitcast(place, HALVES.as_pointer()), align=2))

    def _widened(self, narrow: Value) -> Value:
        builder = self._builder
        if self._holds == types.int16:
            return _from_half(builder, narrow)
        return builder.bitcast(builder.shl(builder.zext(narrow, BITS), _bits(16)), VECTOR)

    def store(self, vector: Value, row: int | Value = 0, past: int = 0) -> None:
        """Put LANES float32 numbers there."""
        place = self._builder.bitcast(self._row(row, past), VECTOR.as_pointer())
        self._builder.store(vector, place, align=4)

    def fetch(self, row: Value, n: int) -> None:
        """Ask for n numbers of a row, without waiting for them."""
        per_line = CACHE_LINE // (self._holds.bitwidth // 8)
        for past in range(0, n, per_line):
            byte = self._builder.bitcast(self._row(row, past), ir.IntType(8).as_pointer())
            how = [ir.Constant(I32, number) for number in (0, 2, 1)]  # to read, into L2, data
            _call(self._builder, "llvm.prefetch.p0i8", ir.VoidType(), byte, *how)

    def _row(self, row: int | Value, past: int) -> Value:
        stride = self._strides[0] if self._strides else ir.Constant(I64, 0)
        return self._place((row, stride), (past, ir.Constant(I64, 1)))

    def _place(self, *moves: tuple[int | Value, Value]) -> Value:
        at = self._at
        for count, stride in moves:
            count = ir.Constant(I64, count) if isinstance(count, int) else count
            at = self._builder.add(at, self._builder.mul(count, stride))
        return self._builder.gep(self._data, [at])


def _call(builder: Builder, name: str, returns: ir.Type, *values: Value, **how) -> Value:
    kind = ir.FunctionType(returns, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values, **how)


def _splat_constant(number: float) -> Value:
    return ir.Constant(VECTOR, [number] * LANES)


def _splat(builder: Builder, number: Value) -> Value:
    empty = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, empty, _bits(0))


def _bits(number: int) -> Value:
    return ir.Constant(BITS, [number] * LANES)


def _from_half(builder: Builder, narrow: Value) -> Value:
    """Float16 as float32; without an instruction for it by moving bits, NaN and infinity too.

    A float16's bits, moved up by 13, are a float32 that is 2 ** 112 times too small.
    """
    if HAS_HALF:
        kind = ir.VectorType(ir.HalfType(), LANES)
        return builder.fpext(builder.bitcast(narrow, kind), VECTOR)
    wide = builder.zext(narrow, BITS)
    size = builder.shl(builder.and_(wide, _bits(0x7FFF)), _bits(13))
    scaled = builder.fmul(builder.bitcast(size, VECTOR), _splat_constant(2.0**112))
    is_finite = builder.icmp_unsigned("<", size, _bits(0x7C00 << 13))
    endless = builder.or_(size, _bits(0x7F800000))
    magnitude = builder.select(is_finite, builder.bitcast(scaled, BITS), endless)
    sign = builder.shl(builder.and_(wide, _bits(0x8000)), _bits(16))
    return builder.bitcast(builder.or_(magnitude, sign), VECTOR)


def _multiply_add(builder: Builder, x: Value, y: Value, z: Value) -> Value:
    if HAS_FMA:
        return _call(builder, f"llvm.fma.v{LANES}f32", VECTOR, x, y, z)
    return builder.fadd(builder.fmul(x, y), z)


def _larger(builder: Builder, x: Value, y: Value) -> Value:
    return builder.select(builder.fcmp_ordered(">", y, x), y, x)


def _folded(parts: Sequence[Value], join: Callable[[Value, Value], Value]) -> Value:
    while len(parts) > 1:
        parts = [join(*parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts[0]


def _exp2(builder: Builder, x: Value) -> Value:
    """2 ** x for x <= 0, to 2e-7: a polynomial for the fraction, the whole part as exponent bits.

    Below -126 it is 2 ** -126, next to nothing; a NaN stays one.
    """
    lowest = _splat_constant(-126.0)
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
    whole = _call(builder, f"llvm.floor.v{LANES}f32", VECTOR, x)
    fraction, power = builder.fsub(x, whole), _splat_constant(EXP2[0])
    for factor in EXP2[1:]:
        power = _multiply_add(builder, power, fraction, _splat_constant(factor))
    exponent = builder.shl(builder.fptosi(whole, BITS), _bits(23))
    return builder.bitcast(builder.add(builder.bitcast(power, BITS), exponent), VECTOR)
