"""Bytes of a model's weights, from the number of its parameters alone.

Counted: parameters x bytes, every parameter in the one format, block scales included where the
format fixes its block. Not counted: activations, the KV cache, what a runtime needs, scales of
whole tensors. Real checkpoints leave some tensors (embeddings, norms) in 16 bits and are larger.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gqa_core.configs import MAX_PARAMS, validate_int

BLOCK = 32  # parameters: every format below stores so many in whole bytes
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
    """Bytes of so many parameters, rounded up to whole ones.

    Raises:
        ValueError: params is out of bounds, or the format is not known.
    """
    validate_int("params", params, MAX_PARAMS)
    if weight_format not in BLOCK_BYTES:
        raise ValueError(
            f"weight_format must be one of {', '.join(BLOCK_BYTES)}: got {weight_format!r}"
        )
    return -(-params * BLOCK_BYTES[weight_format] // BLOCK)
