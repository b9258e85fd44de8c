"""Bytes of a model's weights, from the number of its parameters alone.

Every parameter is counted in one format, including block scales if the format fixes its block size.
Not counted: activations, KV cache, runtime, and scales of whole tensors. Real checkpoints keep some
tensors (embeddings, norms) in 16 bits and are larger.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gqa_core.configs import MAX_PARAMS, validate_int

__all__ = ["BLOCK_BYTES", "weight_bytes"]

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


def weight_bytes(params: int, weight_format: str) -> int:
    """Bytes of `params` parameters, rounded up to a whole number.

    Raises:
        ValueError: params is out of bounds, or the format is unknown.
    """
    validate_int("params", params, MAX_PARAMS)
    if weight_format not in BLOCK_BYTES:
        raise ValueError(
            f"weight_format must be one of {', '.join(BLOCK_BYTES)}: got {weight_format!r}"
        )
    return -(-params * BLOCK_BYTES[weight_format] // BLOCK)
