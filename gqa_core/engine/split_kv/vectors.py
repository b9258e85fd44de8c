"""Vectors of LANES numbers as LLVM values: how they are addressed, and what is computed with them.

An operand is a flat array with an offset: row r of (array, offset, row_stride) begins at
`offset + r * row_stride`, and number i of row r of (array, offset, row_stride, step) is at
`offset + r * row_stride + i * step`. Sums are float32. Arrays that are only read, lane by lane, may
also hold int8, or bfloat16, float16 and float8 e4m3, as uint16, int16 and uint8, since numba has
none of these types.

LANES and the tiles follow the CPU that numba compiles for, which the environment's NUMBA_CPU_NAME
and NUMBA_CPU_FEATURES override. LLVM maps a vector of any width to the instructions of the CPU.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target

_, CPU_NAME, CPU_FEATURES = cpu_target.target_context.codegen().magic_tuple()
IS_ARM = platform.machine() in ("arm64", "aarch64")
HAS_FMA, HAS_F16C = ("+fma" in CPU_FEATURES or IS_ARM), ("+f16c" in CPU_FEATURES or IS_ARM)
LANES = 16 if "+avx512f" in CPU_FEATURES else 8 if "+avx2" in CPU_FEATURES else 4
HAS_BF16_DOT = LANES == 16 and "+avx512bf16" in CPU_FEATURES
# It does twice the work of a multiply-add in the same time on Zen 4, half of it on a Xeon with AMX.
USES_BF16_DOT = HAS_BF16_DOT and CPU_NAME.startswith("znver")
TILES = ((4, 4), (8, 2), (16, 1)) if LANES == 16 else ((4, 2), (8, 1))  # sums in 16 or 8 registers
CACHE_LINE_BYTES = 64
FLOAT8_UNIT = 256.0  # what a number read as float8 e4m3 still has to be multiplied by
PREFETCH_HINTS = (0, 2, 1)  # llvm.prefetch: for reading, into the second-level cache, data

F32, I8, I16, I32, I64 = ir.FloatType(), *(ir.IntType(width) for width in (8, 16, 32, 64))
F32_VECTOR, I16_VECTOR, I32_VECTOR = (ir.VectorType(kind, LANES) for kind in (F32, I16, I32))
EXP2_COEFFICIENTS = (  # of 2 ** fraction, highest power first; exact at 0
    1.8670634e-3,
    9.0171713e-3,
    5.5799812e-2,
    2.4016447e-1,
    6.9315130e-1,
    1.0,
)

Builder: TypeAlias = ir.IRBuilder
Value: TypeAlias = ir.Value


class Operand:
    """A flat array, an offset into it, and the strides of rows and steps."""

    def __init__(self, context: Any, builder: Builder, typed: Any, value: Value) -> None:
        self._builder, self._element = builder, typed[0].dtype
        array, self._offset, *self._strides = cgutils.unpack_tuple(builder, value)
        self._data = cgutils.create_struct_proxy(typed[0])(context, builder, array).data

    def scalar(self, row: int, i: Value) -> Value:
        """Number i of a row, as float32."""
        row_stride, step = self._strides
        pointer = self._pointer((i, step))  # one address per step, which all rows are relative to
        distance = self._builder.mul(ir.Constant(I64, row), row_stride)
        return self._builder.load(self._builder.gep(pointer, [distance]), align=4)

    @property
    def pointer(self) -> Value:
        """The address of row 0."""
        return self.row_pointer(0, 0)

    def first(self) -> Value:
        """The number at the offset, as float32."""
        value = self._builder.load(self.pointer)
        if self._element == types.float32:
            return value
        undefined = ir.Constant(self._narrow_vector, None)
        lanes = self._builder.insert_element(undefined, value, ir.Constant(I32, 0))
        return self._builder.extract_element(self._upcast(lanes), ir.Constant(I32, 0))

    def vector(self, row: int | Value = 0, col: int = 0) -> Value:
        """LANES numbers of a row from column `col` on, as float32."""
        builder, pointer = self._builder, self.row_pointer(row, col)
        if self._element == types.float32:
            return builder.load(builder.bitcast(pointer, F32_VECTOR.as_pointer()), align=4)
        narrow = builder.bitcast(pointer, self._narrow_vector.as_pointer())
        return self._upcast(builder.load(narrow, align=self._element.bitwidth // 8))

    def store(self, vector: Value, row: int | Value = 0, col: int = 0) -> None:
        """Write LANES float32 numbers to a row from column `col` on."""
        pointer = self._builder.bitcast(self.row_pointer(row, col), F32_VECTOR.as_pointer())
        self._builder.store(vector, pointer, align=4)

    def prefetch(self, row: Value, start: int, end: int) -> None:
        """Prefetch the cache lines that begin within row[start:end]."""
        per_line = CACHE_LINE_BYTES // (self._element.bitwidth // 8)
        for col in range(-(-start // per_line) * per_line, end, per_line):
            prefetch_line(self._builder, self.row_pointer(row, col))

    @property
    def _narrow_vector(self) -> ir.Type:
        return ir.VectorType(ir.IntType(self._element.bitwidth), LANES)

    def _upcast(self, narrow: Value) -> Value:
        builder = self._builder
        if self._element == types.int8:
            return builder.sitofp(narrow, F32_VECTOR)
        if self._element == types.uint8:
            return _upcast_float8(builder, narrow)
        if self._element == types.int16:
            return _upcast_float16(builder, narrow)
        bits = builder.shl(builder.zext(narrow, I32_VECTOR), _i32_in_all_lanes(16))
        return builder.bitcast(bits, F32_VECTOR)

    def row_pointer(self, row: int | Value, col: int) -> Value:
        """The address of column `col` of a row."""
        stride = self._strides[0] if self._strides else ir.Constant(I64, 0)
        return self._pointer((row, stride), (col, ir.Constant(I64, 1)))

    def _pointer(self, *moves: tuple[int | Value, Value]) -> Value:
        index = self._offset
        for count, stride in moves:
            factor = ir.Constant(I64, count) if isinstance(count, int) else count
            index = self._builder.add(index, self._builder.mul(factor, stride))
        return self._builder.gep(self._data, [index])


def call(builder: Builder, name: str, returns: ir.Type, *values: Value, **options: Any) -> Value:
    """Call an LLVM intrinsic by its name."""
    kind = ir.FunctionType(returns, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, values, **options)


def prefetch_line(builder: Builder, pointer: Value) -> None:
    """Prefetch the cache line at an address."""
    byte = builder.bitcast(pointer, I8.as_pointer())
    hints = [ir.Constant(I32, hint) for hint in PREFETCH_HINTS]
    call(builder, "llvm.prefetch.p0i8", ir.VoidType(), byte, *hints)


def splat_constant(number: float) -> Value:
    """A constant in all lanes."""
    return ir.Constant(F32_VECTOR, [number] * LANES)


def splat(builder: Builder, number: Value) -> Value:
    """One number in all lanes."""
    undefined = ir.Constant(F32_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, _i32_in_all_lanes(0))


def _i32_in_all_lanes(number: int) -> Value:
    return ir.Constant(I32_VECTOR, [number] * LANES)


def _upcast_float16(builder: Builder, narrow: Value) -> Value:
    """Float16 as float32; without an instruction for it by moving bits, NaN and infinity too.

    The bits of a float16, shifted left by 13, are a float32 that is 2 ** 112 times too small.
    """
    if HAS_F16C:
        kind = ir.VectorType(ir.HalfType(), LANES)
        return builder.fpext(builder.bitcast(narrow, kind), F32_VECTOR)
    wide = builder.zext(narrow, I32_VECTOR)
    magnitude = builder.and_(wide, _i32_in_all_lanes(0x7FFF))
    shifted = builder.shl(magnitude, _i32_in_all_lanes(13))
    scaled = builder.fmul(builder.bitcast(shifted, F32_VECTOR), splat_constant(2.0**112))
    is_finite = builder.icmp_unsigned("<", shifted, _i32_in_all_lanes(0x7C00 << 13))
    nonfinite = builder.or_(shifted, _i32_in_all_lanes(0x7F800000))
    bits = builder.select(is_finite, builder.bitcast(scaled, I32_VECTOR), nonfinite)
    sign = builder.shl(builder.and_(wide, _i32_in_all_lanes(0x8000)), _i32_in_all_lanes(16))
    return builder.bitcast(builder.or_(bits, sign), F32_VECTOR)


def _upcast_float8(builder: Builder, narrow: Value) -> Value:
    """Finite float8 e4m3 as float32, divided by FLOAT8_UNIT.

    Moved to the bits of a float16 (sign, exponent, mantissa), the exponent counts from 15, not 7.
    """
    signed = builder.shl(builder.sext(narrow, I16_VECTOR), ir.Constant(I16_VECTOR, [7] * LANES))
    bits = builder.and_(signed, ir.Constant(I16_VECTOR, [0xBFFF] * LANES))  # one sign of the two
    return _upcast_float16(builder, bits)


def fma(builder: Builder, x: Value, y: Value, z: Value) -> Value:
    """x y + z, rounded once if the CPU has fused multiply-add."""
    if HAS_FMA:
        return call(builder, f"llvm.fma.v{LANES}f32", F32_VECTOR, x, y, z)
    return builder.fadd(builder.fmul(x, y), z)


def dot_bf16(builder: Builder, x: Value, y: Value, z: Value) -> Value:
    """x[0] y[0] + x[1] y[1] + z per lane, where x and y hold two bfloat16 in each; HAS_BF16_DOT.

    Subnormal numbers count as zero.
    """
    return call(builder, "llvm.x86.avx512bf16.dpbf16ps.512", F32_VECTOR, z, x, y)


def fmax(builder: Builder, x: Value, y: Value) -> Value:
    """The maximum of x and y, lane by lane; x if either is NaN."""
    return builder.select(builder.fcmp_ordered(">", y, x), y, x)


def tree_reduce(values: Sequence[Value], combine: Callable[[Value, Value], Value]) -> Value:
    """All values combined pair by pair; their number is a power of two."""
    while len(values) > 1:
        values = [combine(*values[i : i + 2]) for i in range(0, len(values), 2)]
    return values[0]


def exp2(builder: Builder, x: Value) -> Value:
    """2 ** x for x <= 0, to 2e-7: a polynomial for the fraction, the integer as exponent bits.

    Below -126 it is 2 ** -126, practically zero; NaN stays NaN.
    """
    smallest = splat_constant(-126.0)
    x = builder.select(builder.fcmp_ordered("<", x, smallest), smallest, x)
    integer = call(builder, f"llvm.floor.v{LANES}f32", F32_VECTOR, x)
    fraction, power = builder.fsub(x, integer), splat_constant(EXP2_COEFFICIENTS[0])
    for coefficient in EXP2_COEFFICIENTS[1:]:
        power = fma(builder, power, fraction, splat_constant(coefficient))
    exponent = builder.shl(builder.fptosi(integer, I32_VECTOR), _i32_in_all_lanes(23))
    return builder.bitcast(builder.add(builder.bitcast(power, I32_VECTOR), exponent), F32_VECTOR)
