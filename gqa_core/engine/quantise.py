"""Vectors as codes of 8 bits and one float32 scale per vector: int8, or float8 e4m3.

Quantisation is symmetric: the scale is the largest magnitude of a vector divided by that of a code,
so that nothing overflows. A code of int8 is off by half a scale at most, one of e4m3 (3 bits of
mantissa) by a sixteenth of its value. On normal values of 128 elements that is a relative L2 error
of 0.65% and 2.6%.

Source: the formats int8_per_token_head and fp8_per_token_head of vllm-project/vllm,
vllm/v1/kv_cache_interface.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from gqa_core.configs import QuantisedFormat

__all__ = ["CODE_FORMATS", "CodeFormat", "dequantise", "quantise"]

MIN_SCALE = torch.finfo(torch.float32).tiny  # a normal number: 0 codes times it are 0


@dataclass(frozen=True, slots=True)
class CodeFormat:
    """The dtype of a code, and its largest magnitude."""

    dtype: torch.dtype
    max_code: float


CODE_FORMATS: Mapping[QuantisedFormat, CodeFormat] = MappingProxyType(
    {
        "int8_per_token_head": CodeFormat(torch.int8, 127),
        "fp8_per_token_head": CodeFormat(torch.float8_e4m3fn, 448),
    }
)


def quantise(x: Tensor, kv_format: QuantisedFormat) -> tuple[Tensor, Tensor]:
    """Codes (..., width) and scales (...), float32, of vectors x (..., width).

    A vector with an infinite element or NaN has codes of 0 and an infinite scale or NaN, so that
    all of it reads as NaN. So has one whose largest magnitude is infinite in float32.
    """
    code_format, x = CODE_FORMATS[kv_format], x.float()
    scales = (x.abs().amax(dim=-1) / code_format.max_code).clamp_min(MIN_SCALE)
    codes = (x / scales[..., None]).nan_to_num_(0.0)
    if code_format.dtype == torch.int8:
        codes.round_()
    return codes.to(code_format.dtype), scales


def dequantise(codes: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """The vectors (..., width) of codes (..., width) and scales (...), in this dtype."""
    return (codes.float() * scales[..., None]).to(dtype)
