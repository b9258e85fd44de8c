"""Bytes of a model's weights, from the number of its parameters and of those left in 16 bits.

Parameters are counted in one format, including block scales if the format fixes its block size;
checkpoints of 8 and 4 bits leave embeddings and some other tensors in 16 bits, which the caller
states. Not counted: activations, KV cache, runtime, and scales of whole tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from types import MappingProxyType

from gqa_core.configs import MAX_PARAMS, validate_int

__all__ = ["BLOCK_BYTES", "group_bytes", "weight_bytes"]

BLOCK = 32  # parameters: every format below stores this many in whole bytes
BLOCK_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "fp32": 128,
        "bf16": 64,
        "fp16": 64,
        "fp8": 32,
        "int8": 32,
        "int4": 16,  # bare: the groups and zero points of GPTQ, AWQ and others are not fixed
        "nvfp4": 18,  # 4 bits, and an fp8 scale for every 16
        "mxfp4": 17,  # 4 bits, and an 8-bit exponent for every 32 (OCP Microscaling Formats 1.0)
    }
)
INTEGER_BITS = {"int8": 8, "int4": 4}
MAX_GROUP_SIZE = 2**20


def weight_bytes(
    params: int, weight_format: str, *, params_16_bit: int = 0, group_size: int | None = None
) -> int:
    """Bytes of `params` parameters, rounded up to a whole number.

    `params_16_bit` of them (embeddings, the head) take 16 bits at least. With `group_size`, int4
    and int8 have an fp16 scale and a zero point for each group, as GPTQ and AWQ store them.

    Raises:
        ValueError: a number is out of bounds, the format is unknown or has no groups.
    """
    validate_int("params", params, MAX_PARAMS)
    validate_int("params_16_bit", params_16_bit, params, least=0)
    if weight_format not in BLOCK_BYTES:
        raise ValueError(
            f"weight_format must be one of {', '.join(BLOCK_BYTES)}: got {weight_format!r}"
        )
    per_weight = Fraction(BLOCK_BYTES[weight_format], BLOCK)
    if group_size is not None:
        if weight_format not in INTEGER_BITS:
            raise ValueError(f"group_size is for int4 and int8: got {weight_format!r}")
        validate_int("group_size", group_size, MAX_GROUP_SIZE)
        n_bits = INTEGER_BITS[weight_format]
        per_weight = group_bytes(n_bits, group_size, 2 + Fraction(n_bits, 8))
    return ceil(
        (params - params_16_bit) * per_weight + max(per_weight, Fraction(2)) * params_16_bit
    )


def group_bytes(n_bits: int, group_size: int, bytes_per_group: Fraction | int) -> Fraction:
    """Bytes per weight of `n_bits`, with the scale (and zero point) of its group."""
    return Fraction(n_bits, 8) + Fraction(bytes_per_group) / group_size
