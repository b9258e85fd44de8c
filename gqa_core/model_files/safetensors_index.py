"""Bytes of weights from what lies beside a config: the index of its safetensors, or the files.

The index of a model in several files states their bytes together; it does not say what is cached.
Source: huggingface/transformers, model.safetensors.index.json (metadata.total_size).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gqa_core.strict_json import describe_value, parse_object

__all__ = ["INDEX_NAME", "MAX_INDEX_BYTES", "folder_weight_bytes", "index_weight_bytes", "is_index"]

INDEX_NAME = "model.safetensors.index.json"
MAX_INDEX_BYTES = 2**26  # one line per tensor: 60,000 tensors of experts take 6 MB
MAX_WEIGHT_BYTES = 10**15
MAX_FILES = 10_000
MAX_INDEX_KEYS = 2**20


def is_index(config: Mapping[str, object]) -> bool:
    """True if a JSON object is the index of safetensors files."""
    return "weight_map" in config


def index_weight_bytes(raw: bytes) -> int | None:
    """Bytes of all weights that an index states, None if it states none.

    Raises:
        ValueError: the index is not one JSON object, or its total is no number of bytes.
    """
    if len(raw) > MAX_INDEX_BYTES:
        raise ValueError(f"{INDEX_NAME} must be at most {MAX_INDEX_BYTES} bytes: got {len(raw)}")
    index = parse_object(raw, INDEX_NAME, max_keys=MAX_INDEX_KEYS)
    metadata = index.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if isinstance(total, float) and total.is_integer():
        total = int(total)
    if total is None:
        return None
    if isinstance(total, bool) or not isinstance(total, int) or not 0 < total <= MAX_WEIGHT_BYTES:
        raise ValueError(
            f"metadata.total_size of {INDEX_NAME} must be a number of bytes: "
            f"got {describe_value(total)}"
        )
    return total


def folder_weight_bytes(folder: Path) -> int | None:
    """Bytes of the weights in a folder: what its index states, or its safetensors files take.

    Raises:
        ValueError: as `index_weight_bytes`.
        OSError: a file cannot be read.
    """
    index = folder / INDEX_NAME
    if index.is_file():
        with index.open("rb") as file:
            return index_weight_bytes(file.read(MAX_INDEX_BYTES + 1))
    files = [path for path in folder.glob("model*.safetensors") if path.is_file()]
    return sum(path.stat().st_size for path in files[:MAX_FILES]) or None
