"""Reads what `ollama show` prints of a model, or what its API answers.

The short text names architecture and lengths, but not the heads; with `-v` all metadata follows,
one key and value per line, and then all tensors. Lists are cut ("[8 8 8 ...+29 more]"), so a model
whose layers differ has to be read from its GGUF file.
Source: ollama/ollama, cmd/cmd.go, showInfo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gqa_core.configs import MAX_PARAMS
from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.model_files.ggml_types import TensorTotals, tensor_totals
from gqa_core.model_files.gguf_header import MetadataValue, Number
from gqa_core.model_files.gguf_model import ARCHITECTURE, parse_metadata

__all__ = ["is_ollama_show", "parse_model_info", "parse_ollama_show"]

MAX_BYTES = 2**22
SHORT_LINE = re.compile(
    r"^[ \t│|]*(architecture|arch|quantization|context length|embedding length|parameters) {2,}\S",
    re.MULTILINE,
)
ENTRY = re.compile(r"^[ \t│|]*([a-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)[ \t│|]+(\S[^\n]*)$", re.MULTILINE)
TENSOR = re.compile(r"(\w{1,20})[ \t│|]+\[([0-9 ,]{1,100})\]")
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
FLAGS = {"true": True, "false": False}
PARAMS = "general.parameter_count"


def is_ollama_show(text: str) -> bool:
    """True if the text has lines that `ollama show` prints."""
    return bool(SHORT_LINE.search(text[:MAX_BYTES]) or re.search(r"general\.architecture", text))


def parse_ollama_show(text: str) -> ParsedConfig:
    """The model that the text of `ollama show -v` describes.

    Raises:
        ValueError: the text is too long or names no heads, or a key is refused.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(
            f"the text of ollama show must have at most {MAX_BYTES} letters: got {len(text)}"
        )
    values: dict[str, MetadataValue] = {}
    cut: list[str] = []
    tensors: list[tuple[str, list[int]]] = []
    for match in ENTRY.finditer(text):
        name, raw = match[1], match[2].strip(" \t│|\r")
        if tensor := TENSOR.fullmatch(raw):
            tensors.append((tensor[1], [int(size) for size in _items(tensor[2]) if size]))
            continue
        value = _value(raw)
        if value is None:
            cut.append(name)
        else:
            values.setdefault(name, value)
    return _parse(values, cut, tensor_totals(tensors))


def parse_model_info(model_info: Mapping[str, object]) -> ParsedConfig:
    """The model that `model_info` of Ollama's API describes, an object of metadata.

    Raises:
        ValueError: it names no heads, or a key is refused.
    """
    values: dict[str, MetadataValue] = {}
    cut: list[str] = []
    for name, value in model_info.items():
        if isinstance(value, (bool, int, float, str)):
            values[name] = value
        elif isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
            values[name] = tuple(value)
        else:
            cut.append(name)
    return _parse(values, cut, None)


def _parse(
    values: Mapping[str, MetadataValue], cut: list[str], tensors: TensorTotals | None
) -> ParsedConfig:
    architecture = values.get(ARCHITECTURE)
    if architecture is None or f"{architecture}.block_count" not in values:
        raise ValueError(
            "the text of ollama show must list block_count and attention.head_count: "
            "got its short form, so run ollama show -v"
        )
    params = values.get(PARAMS)
    stated = None
    if isinstance(params, (int, float)) and 1 <= params <= MAX_PARAMS:
        stated = int(params)
    return parse_metadata(
        values,
        cut,
        params=tensors.params if tensors else stated,
        weight_bytes=tensors.bytes if tensors else None,
        weight_format=tensors.main_type if tensors else None,
    )


def _value(raw: str) -> MetadataValue | None:
    """A printed value: a number, a list of numbers, or text; None for a list that is cut."""
    if NUMBER.fullmatch(raw):
        return _number(raw)
    if raw in FLAGS:
        return FLAGS[raw]
    if raw == "<nil>":
        return None
    if not raw.startswith("["):
        return raw
    items = _items(raw.strip("[]"))
    if not items or not all(NUMBER.fullmatch(item) or item in FLAGS for item in items):
        return None
    return tuple(FLAGS[item] if item in FLAGS else _number(item) for item in items)


def _items(text: str) -> list[str]:
    return [item for item in re.split(r"[ ,]+", text.strip()) if item]


def _number(text: str) -> Number:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)
