"""Reads a model from whatever describes it: config.json, GGUF, the text of ollama show, a folder.

The kind is recognised by the bytes, not by a name.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from gqa_core.hf_config.parse import MAX_BYTES, ParsedConfig, parse_config
from gqa_core.model_files.gguf_header import MAGIC, read_gguf_header
from gqa_core.model_files.gguf_model import parse_header
from gqa_core.model_files.ollama_show import (
    is_ollama_show,
    parse_model_info,
    parse_ollama_show,
)
from gqa_core.model_files.safetensors_index import (
    MAX_INDEX_BYTES,
    folder_weight_bytes,
    is_index,
)
from gqa_core.strict_json import parse_object

__all__ = ["MAX_UPLOAD_BYTES", "read_folder", "read_model", "read_model_file"]

MAX_UPLOAD_BYTES = 2**26  # of a GGUF file, its first bytes, of which the header takes at most 30 MB
CONFIG_NAME = "config.json"
WEIGHT_MAP = b'"weight_map"'


def read_model(data: bytes | str, *, mtp: bool = False) -> ParsedConfig:
    """The model that these bytes describe; of a GGUF file, its first megabytes are enough.

    `mtp` counts the layers of a config.json that predict further tokens.

    Raises:
        ValueError: they describe no model that is understood; the sentence says why.
    """
    raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    if raw.startswith(MAGIC):
        header = read_gguf_header(BytesIO(raw), len(raw), may_be_cut=True)
        return parse_header(header)
    return _read_text(raw, mtp=mtp)


def read_model_file(file: BinaryIO, size: int | None, *, mtp: bool = False) -> ParsedConfig:
    """The model that a file describes; a `size` of None stands for one that cannot be sought in.

    Of a GGUF file the header alone is read; `mtp` is as for `read_model`.

    Raises:
        ValueError: as `read_model`, or a GGUF header is cut.
        OSError: the file cannot be read.
    """
    head = file.read(len(MAGIC))
    if head == MAGIC and size is not None:
        return parse_header(read_gguf_header(file, size))
    if head == MAGIC:
        raw = head + file.read(MAX_UPLOAD_BYTES)
        return parse_header(read_gguf_header(BytesIO(raw), len(raw)))
    return _read_text(head + file.read(MAX_INDEX_BYTES), mtp=mtp)


def read_folder(folder: Path, *, mtp: bool = False) -> ParsedConfig:
    """The model of a folder with a config.json; its weights are those of the files beside it.

    `mtp` is as for `read_model`.

    Raises:
        ValueError: there is no config.json, or it is refused.
        OSError: a file cannot be read.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ValueError(f"a folder must have a {CONFIG_NAME}: got none in {folder.name!r}")
    with path.open("rb") as file:
        config = parse_config(file.read(MAX_BYTES + 1), mtp=mtp)
    weight_bytes = folder_weight_bytes(folder)
    if weight_bytes is None:
        return config
    return replace(config, estimated_weight_bytes=weight_bytes)


def _read_text(raw: bytes, *, mtp: bool) -> ParsedConfig:
    start = raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{"):
        return _read_json(raw, mtp=mtp)
    text = raw.decode(errors="replace")
    if is_ollama_show(text):
        return parse_ollama_show(text)
    return parse_config(raw, mtp=mtp)


def _read_json(raw: bytes, *, mtp: bool) -> ParsedConfig:
    if WEIGHT_MAP in raw[-MAX_INDEX_BYTES:] and is_index(_object(raw)):
        raise ValueError(
            "a safetensors index states the bytes of the weights and not what is cached: "
            "give its config.json, or the folder of both"
        )
    if b'"model_info"' in raw:
        model_info = _object(raw).get("model_info")
        if isinstance(model_info, dict):
            return parse_model_info(model_info)
    return parse_config(raw, mtp=mtp)


def _object(raw: bytes) -> dict[str, object]:
    return parse_object(raw, "config", finite=False, max_keys=2**20)
