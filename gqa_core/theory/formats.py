"""Number formats of a KV cache: bytes per row of cached numbers, including scales.

Short names (`bf16`) are for counting bytes, torch's names (`bfloat16`) for real tensors;
`DTYPE_FORMATS` maps the latter to the former. Formats with few bits store a scale, and some a zero
point, per block of elements or per head vector; those bytes are part of the cache. One scale for a
whole tensor is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "DTYPE_FORMATS",
    "FORMATS",
    "NumberFormat",
    "dtype_bytes",
    "dtype_format",
    "number_format",
]
from typing import Literal

__all__ = [
    "DTYPE_FORMATS",
    "FORMATS",
    "DtypeName",
    "NumberFormat",
    "dtype_bytes",
    "dtype_format",
    "number_format",
]

DtypeName = Literal["float32", "bfloat16", "float16"]  # the keys of DTYPE_FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """Storage of cached numbers: `bits` per element, and scales of `scale_bytes` each.

    A scale covers `block` elements, counted along all heads of a token; None means one scale per
    head vector. `rope_key_bits` is set if MLA's RoPE key is stored apart from the latent, without
    scales; such a format applies to latent attention only.
    """

    name: str
    bits: int
    source: str
    scale_bytes: int = 0
    block: int | None = None
    rope_key_bits: int | None = None

    def row_bytes(self, width: int, n_vectors: int = 1) -> int:
        """Bytes of `n_vectors` vectors of `width` elements: one token in one layer."""
        if self.block is None:
            return n_vectors * (_ceil_bytes(width * self.bits) + self.scale_bytes)
        n_elements = n_vectors * width
        return _ceil_bytes(n_elements * self.bits) - (-n_elements // self.block) * self.scale_bytes


VLLM = "vllm-project/vllm, vllm/v1/kv_cache_interface.py"
GGML = "ggml-org/llama.cpp, ggml/src/ggml-common.h"
TRANSFORMERS = "huggingface/transformers, src/transformers/cache_utils.py"


def _by_name(formats: Iterable[NumberFormat]) -> Mapping[str, NumberFormat]:
    return MappingProxyType({entry.name: entry for entry in formats})


FORMATS = _by_name(
    (
        NumberFormat(name="fp32", bits=32, source="IEEE 754"),
        NumberFormat(name="bf16", bits=16, source="upper half of IEEE 754 binary32"),
        NumberFormat(name="fp16", bits=16, source="IEEE 754"),
        NumberFormat(name="fp8", bits=8, source=f"one scale per tensor; {VLLM}"),
        NumberFormat(name="int8_per_token_head", bits=8, scale_bytes=4, source=VLLM),
        NumberFormat(name="fp8_per_token_head", bits=8, scale_bytes=4, source=VLLM),
        # fp16 scale and fp16 zero point: 4 bytes per block.
        NumberFormat(name="int4_g32", bits=4, scale_bytes=4, block=32, source=TRANSFORMERS),
        NumberFormat(name="int4_g64", bits=4, scale_bytes=4, block=64, source=TRANSFORMERS),
        NumberFormat(name="int4_g128", bits=4, scale_bytes=4, block=128, source=TRANSFORMERS),
        NumberFormat(name="nvfp4", bits=4, scale_bytes=1, block=16, source=VLLM),
        NumberFormat(name="q8_0", bits=8, scale_bytes=2, block=32, source=GGML),
        NumberFormat(name="q4_0", bits=4, scale_bytes=2, block=32, source=GGML),
        # 512 latent elements in fp8 with an fp32 scale for every 128, 64 RoPE ones in bf16: 656 B.
        NumberFormat(
            name="fp8_ds_mla",
            bits=8,
            scale_bytes=4,
            block=128,
            rope_key_bits=16,
            source=f"deepseek-ai/FlashMLA, README.md; {VLLM}",
        ),
    )
)
DTYPE_FORMATS: Mapping[str, str] = MappingProxyType(
    {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
)


def number_format(kv_format: str) -> NumberFormat:
    """The number format of this name.

    Raises:
        ValueError: the name is unknown.
    """
    if kv_format not in FORMATS:
        raise ValueError(f"kv_format must be one of {', '.join(FORMATS)}: got {kv_format!r}")
    return FORMATS[kv_format]


def dtype_bytes(dtype: str) -> int:
    """Bytes per element of a torch dtype that the engine supports.

    Raises:
        ValueError: the engine does not support the dtype.
    """
    return number_format(dtype_format(dtype)).row_bytes(1)


def dtype_format(dtype: str) -> str:
    """The number format of a torch dtype that the engine supports.

    Raises:
        ValueError: the engine does not support the dtype.
    """
    if dtype not in DTYPE_FORMATS:
        raise ValueError(f"dtype must be one of {', '.join(DTYPE_FORMATS)}: got {dtype!r}")
    return DTYPE_FORMATS[dtype]


def _ceil_bytes(bits: int) -> int:
    return -(-bits // 8)
