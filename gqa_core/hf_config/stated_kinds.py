"""The kind of every layer where the config states it: in a list, or by a numeric rule.

A list has one entry per layer, or the numbers of the layers that attend; a numeric rule says that
every n-th layer does. A config may state the kinds in several ways, which must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gqa_core.configs import MAX_LAYERS
from gqa_core.hf_config.kinds import (
    CACHING,
    CHUNK,
    CONVOLUTION,
    FEED_FORWARD,
    FULL,
    LINEAR,
    STATE_SPACE,
    WINDOW,
    LayerKind,
    every_nth_full,
    parse_kind,
    require_length,
)
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.strict_json import describe_value

__all__ = ["KIND_KEYS", "has_list_of_kinds", "stated_kinds"]

KIND_NAMES: Mapping[str | int, LayerKind] = {
    "full_attention": FULL,
    "global_attention": FULL,
    "attention": FULL,
    "full": FULL,
    "global": FULL,
    "sliding_attention": WINDOW,
    "sliding_window_attention": WINDOW,
    "local_attention": WINDOW,
    "sliding": WINDOW,
    "local": WINDOW,
    "indexed_attention": FULL,
    "deepseek_sparse_attention": FULL,
    "chunked_attention": CHUNK,
    "linear_attention": LINEAR,
    "linear": LINEAR,
    "mamba": STATE_SPACE,
    "mamba2": STATE_SPACE,
    "conv": CONVOLUTION,
    "moe": FEED_FORWARD,
    "mlp": FEED_FORWARD,
}
KIND_LISTS: Mapping[str, Mapping[str | int, LayerKind]] = {  # lists with one entry per layer
    "layer_types": KIND_NAMES,
    "layers_block_type": KIND_NAMES,
    "hybrid_layer_pattern": {0: FULL, 1: WINDOW},
    "attn_type_list": {0: LINEAR, 1: FULL},
}
KIND_LETTERS: Mapping[str | int, LayerKind] = {
    "*": FULL,
    "M": STATE_SPACE,
    "E": FEED_FORWARD,
    "-": FEED_FORWARD,
}
FULL_LAYER_INDICES: Mapping[str, tuple[LayerKind, int]] = {  # kind of the rest, first number
    "attn_layer_indices": (STATE_SPACE, 0),
    "full_attn_idxs": (CONVOLUTION, 0),
}
KIND_KEYS = (
    *KIND_LISTS,
    *FULL_LAYER_INDICES,
    "hybrid_override_pattern",
    "linear_attn_config",
    "full_attention_interval",
    "attn_layer_period",
)


def has_list_of_kinds(reader: ConfigReader) -> bool:
    """True if a list gives the kind of every layer, so that no other key can."""
    return any(reader.values.get(name) for name in (*KIND_LISTS, "hybrid_override_pattern"))


def _from_list(name: str, reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    if not reader.values.get(name):  # absent, null or empty
        return None
    entries = reader.array(name) or []
    require_length(reader.path + name, entries, n_layers)
    return [parse_kind(reader.path + name, KIND_LISTS[name], entry) for entry in entries]


def _from_letters(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    name = "hybrid_override_pattern"
    letters = reader.text(name)
    if not letters:
        return None
    require_length(reader.path + name, letters, n_layers)
    return [parse_kind(reader.path + name, KIND_LETTERS, letter) for letter in letters]


def _from_indices(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    inner = reader.nested("linear_attn_config")
    if inner is not None:
        if not inner.has("full_attn_layers"):
            raise ValueError(f"{inner.path}full_attn_layers must be given: got no such key")
        return _kinds_from_full_indices(inner, "full_attn_layers", n_layers, LINEAR, first=1)
    for name, (other_kind, first) in FULL_LAYER_INDICES.items():
        if reader.values.get(name):
            return _kinds_from_full_indices(reader, name, n_layers, other_kind, first)
    return None


def _from_period(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    period = reader.integer("attn_layer_period", most=MAX_LAYERS)
    if period is not None:
        offset = reader.integer("attn_layer_offset", most=MAX_LAYERS, least=0)
        if offset is None:
            offset = 0
            reader.assume("attn_layer_offset = 0, since no key gives it")
        return [FULL if i % period == offset else STATE_SPACE for i in range(n_layers)]
    interval = reader.integer("full_attention_interval", most=MAX_LAYERS)
    return every_nth_full(n_layers, interval, LINEAR) if interval else None


KIND_RULES: Sequence[Callable[[ConfigReader, int], list[LayerKind] | None]] = (
    *(partial(_from_list, name) for name in KIND_LISTS),
    _from_letters,
    _from_indices,
    _from_period,
)


def stated_kinds(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    """The kinds by lists and numeric rules, None without any; several must agree."""
    stated = [kinds for rule in KIND_RULES if (kinds := rule(reader, n_layers)) is not None]
    caching = {tuple(kind in CACHING and kind for kind in kinds) for kinds in stated}
    if len(caching) > 1:
        names = ", ".join(name for name in KIND_KEYS if reader.values.get(name))
        raise ValueError(f"the keys about which layers attend must agree: got {names}")
    return stated[0] if stated else None


def _kinds_from_full_indices(
    reader: ConfigReader, name: str, n_layers: int, other_kind: LayerKind, first: int
) -> list[LayerKind]:
    """Full layers at the numbers under a key, counted from `first`; the rest of another kind."""
    last = first + n_layers - 1
    full_layers = set()
    for number in reader.array(name) or []:
        is_int = isinstance(number, int) and not isinstance(number, bool)
        if not (is_int and number in range(first, last + 1)):
            raise ValueError(
                f"{reader.path}{name} must hold layer numbers from {first} to {last}: "
                f"got {describe_value(number)}"
            )
        full_layers.add(number)
    return [FULL if i in full_layers else other_kind for i in range(first, last + 1)]
