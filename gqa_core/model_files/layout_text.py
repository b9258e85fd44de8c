"""Text of an imported model for a link: its layers and weights, compressed, with a checksum.

A text is the version, a point, and base64url of a CRC-32 and a deflated JSON array. It may come
from anybody: what it unpacks to is bounded, read in the types of `layout_rows` and built by the
classes of every other model. What a config says in words (keys, assumptions, what is not counted)
is not carried, only the number of sentences: a link must not put words of its own on a page.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_LAYERS,
    MAX_PARAMS,
    ModelConfig,
    validate_int,
)
from gqa_core.hf_config.kinds import CACHING, LayerKind
from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.model_files.layout_rows import LayoutRow, model_of_row, model_rows
from gqa_core.names import clean_name

__all__ = ["MAX_NAME", "MAX_TEXT", "SharedLayout", "layout_text", "parse_layout_text"]

VERSION = "1"
MAX_TEXT = 1600  # characters, which leaves room for the settings in a link of 2,000
MAX_JSON_BYTES = 2**14  # 1600 characters could unpack to a thousand times as much
MAX_NAME, MAX_WORD, MAX_SENTENCES = 60, 40, 1000
MAX_WEIGHT_BYTES = 16 * MAX_PARAMS
CHECKSUM_BYTES = 4
INTACT = "a model in a link must be whole and unchanged"
BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
KINDS: dict[str, LayerKind] = {
    "f": "full",
    "w": "window",
    "c": "chunk",
    "s": "shared",
    "l": "linear attention",
    "t": "state-space",
    "v": "convolution",
    "n": "feed-forward",
    "F": "full with state",
    "W": "window with state",
}
LETTERS = {kind: letter for letter, kind in KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLayout:
    """A model that came with a link: its name, and its config without the lists of keys.

    `n_assumptions` and `n_not_counted` are the sentences of its import that the link leaves out.
    """

    name: str
    config: ParsedConfig
    n_assumptions: int = 0
    n_not_counted: int = 0


def layout_text(layout: SharedLayout) -> str:
    """The text that `parse_layout_text` reads, of letters that a URL need not escape.

    Raises:
        ValueError: the model cannot be carried; the sentence says why.
    """
    row = _row(layout)
    _validate_row(row)
    raw = msgspec.json.encode(row)
    if len(raw) > MAX_JSON_BYTES:
        raise ValueError(
            f"a model in a link must unpack to at most {MAX_JSON_BYTES} bytes: got {len(raw)}"
        )
    text = _pack(raw)
    if parse_layout_text(text).config.model != layout.config.model:
        raise ValueError("a model in a link must be the model that was imported: got another")
    return text


def parse_layout_text(text: str) -> SharedLayout:
    """The model that a text carries.

    Raises:
        ValueError: the text is too long, cut, changed or of another version, or what it carries is
            no model; the sentence quotes nothing of it but numbers.
    """
    _validate_length(text)
    row = _decode(_unpack(text))
    _validate_row(row)
    return SharedLayout(
        name=row.name,
        config=_config(row),
        n_assumptions=row.n_assumptions,
        n_not_counted=row.n_not_counted,
    )


def _row(layout: SharedLayout) -> LayoutRow:
    config = layout.config
    return LayoutRow(
        name=layout.name,
        layer_kinds=_letters(config.layer_kinds),
        group_kinds=_letters(config.group_kinds),
        max_context_len=config.max_context_len,
        params=config.estimated_params,
        embedding_params=config.embedding_params,
        weight_bytes=config.estimated_weight_bytes,
        weight_format=config.weight_format,
        n_assumptions=layout.n_assumptions,
        n_not_counted=layout.n_not_counted,
        **model_rows(config.model),
    )


def _config(row: LayoutRow) -> ParsedConfig:
    """The config of a row, without the lists of keys and sentences."""
    model = model_of_row(row)
    config = ParsedConfig(
        model=model,
        layer_kinds=_kinds(row.layer_kinds),
        group_kinds=_kinds(row.group_kinds),
        max_context_len=row.max_context_len,
        estimated_params=row.params,
        embedding_params=row.embedding_params,
        estimated_weight_bytes=row.weight_bytes,
        weight_format=row.weight_format,
        used_keys=(),
        assumptions=(),
        ignored_keys=(),
        not_counted=(),
    )
    _validate_kinds(config, model)
    return config


def _pack(raw: bytes) -> str:
    packed = zlib.compress(raw, 9, wbits=-15)
    return f"{VERSION}.{_digits(zlib.crc32(packed).to_bytes(CHECKSUM_BYTES, 'big') + packed)}"


def _digits(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    version, _, digits = text.partition(".")
    if version != VERSION and version.isdecimal() and len(version) <= 3:
        raise ValueError(
            f"a model in a link must have version {VERSION} of this format: got {int(version)}"
        )
    if version != VERSION or not BASE64URL.match(digits):
        raise ValueError(f"{INTACT}: got other letters")
    if len(digits) % 4 == 1:  # no number of bytes has so many
        raise ValueError(f"{INTACT}: got a part of it")
    data = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    checksum, packed = data[:CHECKSUM_BYTES], data[CHECKSUM_BYTES:]
    is_intact = checksum == zlib.crc32(packed).to_bytes(CHECKSUM_BYTES, "big")
    if not is_intact or digits != _digits(data):  # bits beyond the last byte were changed
        raise ValueError(f"{INTACT}: its checksum does not match")
    return _inflate(packed)


def _inflate(packed: bytes) -> bytes:
    """The bytes that these unpack to, at most MAX_JSON_BYTES of them."""
    inflater = zlib.decompressobj(wbits=-15)
    try:
        raw = inflater.decompress(packed, MAX_JSON_BYTES + 1)
    except zlib.error:
        raise ValueError(f"{INTACT}: got bytes that do not unpack") from None
    if len(raw) > MAX_JSON_BYTES:
        raise ValueError(f"a model in a link must unpack to at most {MAX_JSON_BYTES} bytes")
    if not inflater.eof or inflater.unused_data:
        raise ValueError(f"{INTACT}: got another end")
    return raw


def _decode(raw: bytes) -> LayoutRow:
    try:
        return msgspec.json.decode(raw, type=LayoutRow)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("a model in a link must have the fields of its version") from None


def _validate_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ValueError(
            f"a model in a link must have at most {MAX_TEXT} characters: got {len(text)}"
        )


def _validate_row(row: LayoutRow) -> None:
    """Raise ValueError unless the row's own numbers and words are within their bounds."""
    for name, text, most in (
        ("name", row.name, MAX_NAME),
        ("model_type", row.family, MAX_WORD),
        ("weight_format", row.weight_format or "", MAX_WORD),
    ):
        if text != clean_name(text, most):
            raise ValueError(f"{name} must be at most {most} letters, digits and signs of names")
    for name, value, most in (
        ("max_context_len", row.max_context_len, MAX_CONTEXT_LEN),
        ("params", row.params, MAX_PARAMS),
        ("weight_bytes", row.weight_bytes, MAX_WEIGHT_BYTES),
    ):
        if value is not None:
            validate_int(name, value, most, least=0)
    validate_int("embedding_params", row.embedding_params or 0, row.params or 0, least=0)
    for name in ("n_assumptions", "n_not_counted"):
        validate_int(name, getattr(row, name), MAX_SENTENCES, least=0)


def _validate_kinds(config: ParsedConfig, model: ModelConfig) -> None:
    """Raise ValueError unless the kinds of layers are those of the model's groups."""
    validate_int("layer_kinds", len(config.layer_kinds), MAX_LAYERS)
    n_cacheless = sum(kind not in CACHING for kind in config.layer_kinds)
    groups_fit = len(config.group_kinds) == len(model.layer_groups)
    if not groups_fit or any(kind not in CACHING for kind in config.group_kinds):
        raise ValueError("group_kinds must be one caching kind per group of layers")
    if n_cacheless != model.n_cacheless_layers:
        raise ValueError(
            f"n_cacheless_layers must be the {n_cacheless} of layer_kinds: "
            f"got {model.n_cacheless_layers}"
        )
    if not {*config.layer_kinds} & {*CACHING} <= {*config.group_kinds}:
        raise ValueError("group_kinds must have every caching kind of layer_kinds")


def _letters(kinds: Sequence[LayerKind]) -> str:
    return "".join(LETTERS[kind] for kind in kinds)


def _kinds(letters: str) -> tuple[LayerKind, ...]:
    if strange := {*letters} - {*KINDS}:
        raise ValueError(f"layer_kinds must be letters of known kinds: got {len(strange)} others")
    return tuple(KINDS[letter] for letter in letters)
