"""Number formats of a KV cache: bytes per row of cached numbers, including scales.

Short names (`bf16`) are for counting bytes, torch's names (`bfloat16`) for real tensors;
`DTYPE_FORMATS` maps the latter to the former. A `kv_format` is one name, or two separated by a
comma: that of K, then that of V ("q8_0,q4_0"). Formats with few bits store a scale, and some a zero
point, per block of elements or per head vector; those bytes are part of the cache. One scale for a
whole tensor is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "DTYPE_FORMATS",
    "FORMATS",
    "DtypeName",
    "NumberFormat",
    "dtype_bytes",
    "dtype_format",
    "key_value_formats",
    "latent_format",
    "number_format",
]

DtypeName = Literal["float32", "bfloat16", "float16"]  # the keys of DTYPE_FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """Storage of cached numbers: `bits` per element, and scales of `scale_bytes` each.

    A scale covers `block` elements, counted along all heads of a token; None means one scale per
    head vector. With `whole_blocks` a head vector must be a multiple of the block. `rope_key_bits`
    is set if MLA's RoPE key is stored apart from the latent, without scales; such a format applies
    to latent attention only, of the widths `latent_widths` (latent, RoPE key).
    """

    name: str
    bits: int
    source: str
    scale_bytes: int = 0
    block: int | None = None
    whole_blocks: bool = False
    rope_key_bits: int | None = None
    latent_widths: tuple[int, int] | None = None

    def validate_width(self, name: str, width: int) -> None:
        """Raise ValueError if a vector of this width, the field `name`, ends inside a block."""
        if self.whole_blocks and self.block is not None and width % self.block:
            raise ValueError(
                f"{name} must be a multiple of {self.block} for kv_format {self.name}, which "
                f"stores blocks: got {width}"
            )

    def validate_latent(self, kv_lora_rank: int, qk_rope_head_dim: int) -> None:
        """Raise ValueError if a latent and RoPE key of these widths have no such format."""
        widths = (kv_lora_rank, qk_rope_head_dim)
        if self.latent_widths not in (None, widths):
            defined = " + ".join(map(str, self.latent_widths or ()))
            raise ValueError(
                f"kv_format {self.name} is defined for a latent of {defined} alone: "
                f"got {kv_lora_rank} + {qk_rope_head_dim}"
            )
        self.validate_width("kv_lora_rank + qk_rope_head_dim", sum(widths))

    def row_bytes(self, width: int, n_vectors: int = 1) -> int:
        """Bytes of `n_vectors` vectors of `width` elements: one token in one layer."""
        if self.block is None:
            return n_vectors * (_ceil_bytes(width * self.bits) + self.scale_bytes)
        n_elements = n_vectors * width
        return _ceil_bytes(n_elements * self.bits) - (-n_elements // self.block) * self.scale_bytes


VLLM = "vllm-project/vllm, vllm/v1/kv_cache_interface.py"
GGML = "ggml-org/llama.cpp, ggml/src/ggml-common.h"
TRANSFORMERS = "huggingface/transformers, src/transformers/cache_utils.py"


def _ggml(name: str, bits: int, scale_bytes: int) -> NumberFormat:
    """A format of llama.cpp, which refuses a head width that is not a multiple of its block."""
    return NumberFormat(
        name=name, bits=bits, scale_bytes=scale_bytes, block=32, whole_blocks=True, source=GGML
    )


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
        # One fp16 scale per block of 32; q5_1 and q4_1 have an fp16 minimum besides.
        _ggml("q8_0", bits=8, scale_bytes=2),  # 34 B per block
        _ggml("q5_1", bits=5, scale_bytes=4),  # 24 B
        _ggml("q5_0", bits=5, scale_bytes=2),  # 22 B
        _ggml("q4_1", bits=4, scale_bytes=4),  # 20 B
        _ggml("q4_0", bits=4, scale_bytes=2),  # 18 B
        _ggml("iq4_nl", bits=4, scale_bytes=2),  # 18 B
        # 512 latent elements in fp8 with an fp32 scale for every 128, 64 RoPE ones in bf16: 656 B.
        NumberFormat(
            name="fp8_ds_mla",
            bits=8,
            scale_bytes=4,
            block=128,
            rope_key_bits=16,
            latent_widths=(512, 64),
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
        raise ValueError(f"kv_format must be one of {', '.join(FORMATS)}: got {kv_format[:40]!r}")
    return FORMATS[kv_format]


def key_value_formats(kv_format: str) -> tuple[NumberFormat, NumberFormat]:
    """The number formats of K and of V: two if the names are two, else the same one twice.

    Raises:
        ValueError: a name is unknown, or there are more than two.
    """
    names = kv_format.split(",")
    if len(names) > 2:
        raise ValueError(f"kv_format must be one name, or that of K and V: got {kv_format[:40]!r}")
    return number_format(names[0]), number_format(names[-1])


def latent_format(kv_format: str) -> NumberFormat:
    """The number format of MLA's latent, which is K and V in one.

    Raises:
        ValueError: a name is unknown, or those of K and V differ.
    """
    key_format, value_format = key_value_formats(kv_format)
    if key_format is not value_format:
        raise ValueError(
            f"kv_format of MLA must be one name, since its latent is K and V in one: "
            f"got {kv_format!r}"
        )
    return key_format


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
