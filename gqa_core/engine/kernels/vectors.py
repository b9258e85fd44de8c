"""Vectors of LANES numbers in LLVM's terms: where they lie, and what is computed with them.

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


class Operand:
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

    @property
    def place(self) -> Value:
        """Where row 0 begins, as a pointer."""
        return self._row(0, 0)

    def first(self) -> Value:
        """The number at the place, as float32."""
        held = self._builder.load(self.place)
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

    def fetch(self, row: Value, start: int, end: int) -> None:
        """Ask for the lines that begin at row[start:end], without waiting for them."""
        per_line = CACHE_LINE // (self._holds.bitwidth // 8)
        for past in range(-(-start // per_line) * per_line, end, per_line):
            byte = self._builder.bitcast(self._row(row, past), ir.IntType(8).as_pointer())
            how = [ir.Constant(I32, number) for number in (0, 2, 1)]  # to read, into L2, data
            call(self._builder, "llvm.prefetch.p0i8", ir.VoidType(), byte, *how)

    def _row(self, row: int | Value, past: int) -> Value:
        stride = self._strides[0] if self._strides else ir.Constant(I64, 0)
        return self._place((row, stride), (past, ir.Constant(I64, 1)))

    def _place(self, *moves: tuple[int | Value, Value]) -> Value:
        at = self._at
        for count, stride in moves:
            count = ir.Constant(I64, count) if isinstance(count, int) else count
            at = self._builder.add(at, self._builder.mul(count, stride))
        return self._builder.gep(self._data, [at])


def call(builder: Builder, name: str, returns: ir.Type, *values: Value, **how) -> Value:
    """Call one of LLVM's own functions by its name."""
    kind = ir.FunctionType(returns, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values, **how)


def splat_constant(number: float) -> Value:
    """A constant in all lanes."""
    return ir.Constant(VECTOR, [number] * LANES)


def splat(builder: Builder, number: Value) -> Value:
    """One number in all lanes."""
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
    scaled = builder.fmul(builder.bitcast(size, VECTOR), splat_constant(2.0**112))
    is_finite = builder.icmp_unsigned("<", size, _bits(0x7C00 << 13))
    endless = builder.or_(size, _bits(0x7F800000))
    magnitude = builder.select(is_finite, builder.bitcast(scaled, BITS), endless)
    sign = builder.shl(builder.and_(wide, _bits(0x8000)), _bits(16))
    return builder.bitcast(builder.or_(magnitude, sign), VECTOR)


def multiply_add(builder: Builder, x: Value, y: Value, z: Value) -> Value:
    """x y + z, rounded once where the CPU can."""
    if HAS_FMA:
        return call(builder, f"llvm.fma.v{LANES}f32", VECTOR, x, y, z)
    return builder.fadd(builder.fmul(x, y), z)


def larger(builder: Builder, x: Value, y: Value) -> Value:
    """The larger of two, lane by lane; x where one is NaN."""
    return builder.select(builder.fcmp_ordered(">", y, x), y, x)


def folded(parts: Sequence[Value], join: Callable[[Value, Value], Value]) -> Value:
    """All parts joined pair by pair."""
    while len(parts) > 1:
        parts = [join(*parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts[0]


def exp2(builder: Builder, x: Value) -> Value:
    """2 ** x for x <= 0, to 2e-7: a polynomial for the fraction, the whole part as exponent bits.

    Below -126 it is 2 ** -126, next to nothing; a NaN stays one.
    """
    lowest = splat_constant(-126.0)
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
    whole = call(builder, f"llvm.floor.v{LANES}f32", VECTOR, x)
    fraction, power = builder.fsub(x, whole), splat_constant(EXP2[0])
    for factor in EXP2[1:]:
        power = multiply_add(builder, power, fraction, splat_constant(factor))
    exponent = builder.shl(builder.fptosi(whole, BITS), _bits(23))
    return builder.bitcast(builder.add(builder.bitcast(power, BITS), exponent), VECTOR)
