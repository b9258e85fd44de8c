"""Sizes of the tensors that a GGUF file lists, from their shapes and types.

Source: ggml-org/llama.cpp, gguf-py/gguf/constants.py, GGML_QUANT_SIZES.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from struct import Struct

from gqa_core.model_files.byte_source import ByteSource

__all__ = ["TensorTotals", "read_tensor_totals", "tensor_totals"]

MAX_TENSOR_NAME_BYTES = 2**10
MAX_DIMS = 4
MAX_TENSOR_ELEMENTS = 2**44
BLOCKS = {  # type number: name, elements of a block, bytes of a block
    0: ("f32", 1, 4),
    1: ("f16", 1, 2),
    2: ("q4_0", 32, 18),
    3: ("q4_1", 32, 20),
    6: ("q5_0", 32, 22),
    7: ("q5_1", 32, 24),
    8: ("q8_0", 32, 34),
    9: ("q8_1", 32, 40),
    10: ("q2_K", 256, 84),
    11: ("q3_K", 256, 110),
    12: ("q4_K", 256, 144),
    13: ("q5_K", 256, 176),
    14: ("q6_K", 256, 210),
    15: ("q8_K", 256, 292),
    16: ("iq2_xxs", 256, 66),
    17: ("iq2_xs", 256, 74),
    18: ("iq3_xxs", 256, 98),
    19: ("iq1_s", 256, 50),
    20: ("iq4_nl", 32, 18),
    21: ("iq3_s", 256, 110),
    22: ("iq2_s", 256, 82),
    23: ("iq4_xs", 256, 136),
    24: ("i8", 1, 1),
    25: ("i16", 1, 2),
    26: ("i32", 1, 4),
    27: ("i64", 1, 8),
    28: ("f64", 1, 8),
    29: ("iq1_m", 256, 56),
    30: ("bf16", 1, 2),
    34: ("tq1_0", 256, 54),
    35: ("tq2_0", 256, 66),
    39: ("mxfp4", 32, 17),
    40: ("nvfp4", 64, 36),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorTotals:
    """Parameters and bytes of all tensors together; `main_type` has the most bytes."""

    params: int
    bytes: int
    main_type: str


def read_tensor_totals(
    source: ByteSource, forms: Mapping[int, Struct], n_tensors: int
) -> TensorTotals | None:
    """The totals of the list of tensors that comes next; None if a type or shape is not known.

    Raises:
        TruncatedError: the bytes end before the list does.
        ValueError: a tensor's name is too long.
    """
    tensors: list[tuple[int, list[int]]] = []
    for _ in range(n_tensors):
        n_bytes = int(source.number(forms[10]))
        if n_bytes > MAX_TENSOR_NAME_BYTES:
            raise ValueError(
                f"a tensor's name must have at most {MAX_TENSOR_NAME_BYTES} bytes: got {n_bytes}"
            )
        source.skip(n_bytes)
        n_dims = int(source.number(forms[4]))
        if n_dims > MAX_DIMS:
            return None
        shape = [int(source.number(forms[10])) for _ in range(n_dims)]
        tensors.append((int(source.number(forms[4])), shape))
        source.skip(forms[10].size)  # the tensor's place in the file
    names = {number: name for number, (name, *_) in BLOCKS.items()}
    return tensor_totals((names.get(kind, ""), shape) for kind, shape in tensors)


def tensor_totals(tensors: Iterable[tuple[str, Sequence[int]]]) -> TensorTotals | None:
    """The totals of tensors, each a type and a shape; None without any or for unknown types."""
    blocks = {name: block for name, *block in BLOCKS.values()}
    params = 0
    bytes_by_type: Counter[str] = Counter()
    for name, shape in tensors:
        block = blocks.get(name) or blocks.get(name.lower().replace("_k", "_K"))
        elements = prod(shape)
        if block is None or elements > MAX_TENSOR_ELEMENTS:
            return None
        block_elements, block_bytes = block
        params += elements
        bytes_by_type[name.lower()] += -(-elements // block_elements) * block_bytes
    if not params:
        return None
    main_type = bytes_by_type.most_common(1)[0][0]
    return TensorTotals(params=params, bytes=bytes_by_type.total(), main_type=main_type)
