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
    CONVOLUTION,
    FEED_FORWARD,
    FULL,
    KIND_NAMES,
    LINEAR,
    STATE_SPACE,
    WINDOW,
    LayerKind,
    every_nth_full,
    parse_kind,
    require_length,
)
from gqa_core.hf_config.pattern_pieces import PIECES, kinds_from_pieces
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.strict_json import describe_value

__all__ = ["KIND_KEYS", "has_list_of_kinds", "length_of_list", "stated_kinds"]

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
    "layer_group_size",
    *PIECES,
)
NEXT_TOKEN_COUNT = "num_nextn_predict_layers"


def has_list_of_kinds(reader: ConfigReader) -> bool:
    """True if a list gives the kind of every layer, so that no other key can."""
    return any(reader.values.get(name) for name in (*KIND_LISTS, "hybrid_override_pattern"))


def length_of_list(reader: ConfigReader) -> int | None:
    """Entries of the list of kinds, for a config that gives no number of layers; None without."""
    for name in (*KIND_LISTS, "hybrid_override_pattern"):
        entries = reader.values.get(name)
        if isinstance(entries, (list, str)) and entries:
            return len(entries)
    return None


def _from_list(name: str, reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    if not reader.values.get(name):  # absent, null or empty
        return None
    entries = reader.array(name) or []
    if len(entries) == 2 * n_layers and set(entries[1::2]) == {"mlp"}:
        entries = entries[::2]  # blocks rather than layers: each attention and its feed-forward
    n_extra = reader.integer(NEXT_TOKEN_COUNT, most=MAX_LAYERS, least=0) or 0
    if n_extra and len(entries) == n_layers + n_extra:
        entries = entries[:n_layers]  # padded by the layers that predict further tokens
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
            if has_list_of_kinds(reader):
                return None
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


def _from_group_size(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    """Linear layers in groups that end in a full one; a last, shorter group may be full.

    Source: huggingface/transformers, configuration_bailing_hybrid.py; vllm-project/vllm,
    bailing_moe_linear.py, where the shorter group is full.
    """
    size = reader.integer("layer_group_size", most=MAX_LAYERS, least=0)
    if not size or size == 1:
        return None
    shorter = every_nth_full(n_layers, size, LINEAR)
    if has_list_of_kinds(reader) and _caching(_from_list("layer_types", reader, n_layers)) == (
        _caching(shorter)
    ):
        return shorter
    n_grouped = n_layers // size * size
    return shorter[:n_grouped] + [FULL] * (n_layers - n_grouped)


KIND_RULES: Sequence[Callable[[ConfigReader, int], list[LayerKind] | None]] = (
    *(partial(_from_list, name) for name in KIND_LISTS),
    _from_letters,
    _from_indices,
    _from_period,
    _from_group_size,
    kinds_from_pieces,
)


def stated_kinds(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    """The kinds by lists and numeric rules, None without any; several must agree."""
    stated = [kinds for rule in KIND_RULES if (kinds := rule(reader, n_layers)) is not None]
    if len({_caching(kinds) for kinds in stated}) > 1:
        names = ", ".join(name for name in KIND_KEYS if reader.values.get(name))
        raise ValueError(f"the keys about which layers attend must agree: got {names}")
    return stated[0] if stated else None


def _caching(kinds: Sequence[LayerKind] | None) -> tuple[str | None, ...]:
    """Per layer the kind of its cache, whatever state stands beside it; None if it has none."""
    return tuple(kind.split()[0] if kind in CACHING else None for kind in kinds or ())


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
