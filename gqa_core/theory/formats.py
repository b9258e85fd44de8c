"""Number formats of a KV cache: how many bytes one cached element takes.

A short name (`bf16`) is used where bytes are only counted, torch's own name (`bfloat16`) where
tensors are real; `DTYPE_FORMATS` joins the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BYTES_PER_ELEMENT: Mapping[str, int] = MappingProxyType({"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1})
DTYPE_FORMATS: Mapping[str, str] = MappingProxyType(
    {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
)


def bytes_per_element(kv_format: str) -> int:
    """Bytes of one cached element in `kv_format`; fp8 is per tensor, its one scale not counted.

    Raises:
        ValueError: the format is not known.
    """
    if kv_format not in BYTES_PER_ELEMENT:
        known = ", ".join(BYTES_PER_ELEMENT)
        raise ValueError(f"kv_format must be one of {known}: got {kv_format!r}")
    return BYTES_PER_ELEMENT[kv_format]


def dtype_format(dtype: str) -> str:
    """The short name of a torch dtype that a cache can really be made of.

    Raises:
        ValueError: the dtype is not one the engine runs.
    """
    if dtype not in DTYPE_FORMATS:
        raise ValueError(f"dtype must be one of {', '.join(DTYPE_FORMATS)}: got {dtype!r}")
    return DTYPE_FORMATS[dtype]
