"""Numbers that differ from layer to layer: per-layer objects, lists of heads, blocks of a search.

Each layer gets a reader of its own, in which these keys hold that layer's numbers.
Source: huggingface/transformers 5.24, integrations/heterogeneity/configuration_utils.py
(per_layer_config), configuration_step3p7.py; apple/OpenELM, configuration_openelm.py (lists);
nvidia/Llama-3_1-Nemotron-51B, block_config.py (block_configs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gqa_core.configs import MAX_DIM, MAX_HEADS
from gqa_core.hf_config.heads import (
    GLOBAL_HEADS,
    HEAD_DIM,
    HIDDEN_SIZE,
    LATENT,
    N_HEADS,
    N_KV_HEADS,
    WINDOW_HEADS,
)
from gqa_core.hf_config.kinds import FEED_FORWARD, WINDOWED, LayerKind, require_length
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.strict_json import describe_value

__all__ = ["KEYS", "LIST_KEYS", "layer_readers", "without_attention"]

OVERRIDES = "per_layer_config"
BLOCKS = "block_configs"
WINDOW_SETTINGS = "attention_other_setting"
WINDOW_N_HEADS = "num_sliding_attention_heads"
HEAD_LISTS = {  # lists with one entry per layer, and the key that an entry stands for
    "num_attention_heads_per_layer": N_HEADS[0],
    "num_query_heads": N_HEADS[0],
    "num_key_value_heads_per_layer": N_KV_HEADS[0],
    "num_kv_heads_per_layer": N_KV_HEADS[0],
    "head_dim_per_layer": HEAD_DIM[0],
}
PLAIN_LISTS = (*N_HEADS, *N_KV_HEADS, *HEAD_DIM)  # a number for all layers, or a list
LIST_KEYS = (*HEAD_LISTS, *PLAIN_LISTS)
KEYS = (OVERRIDES, BLOCKS, WINDOW_SETTINGS, WINDOW_N_HEADS, *HEAD_LISTS)
CACHE_KEYS = (*N_HEADS, *N_KV_HEADS, *HEAD_DIM, *LATENT, "sliding_window", "attention_chunk_size")
HARMLESS_WORDS = ("intermediate", "rope", "mlp", "moe", "expert", "theta", "ffn", "rotary", "norm")
UNUSUAL_BLOCK_KEYS = ("num_sink_tokens", "sparsify", "unshifted_sink", "use_prefill_window_in_sink")


def layer_readers(reader: ConfigReader, kinds: Sequence[LayerKind]) -> list[ConfigReader]:
    """One reader per layer; layers without numbers of their own share `reader` itself.

    Raises:
        ValueError: a list has the wrong length, an object names a layer that is not there or an
            attribute that is not understood.
    """
    n_layers = len(kinds)
    changes: list[dict[str, object]] = [{} for _ in range(n_layers)]
    _add_lists(reader, changes)
    _add_window_settings(reader, kinds, changes)
    _add_overrides(reader, changes)
    _add_blocks(reader, changes)
    readers: dict[str, ConfigReader] = {}
    for change in changes:
        readers.setdefault(repr(sorted(change.items())), _changed(reader, change))
    return [readers[repr(sorted(change.items()))] for change in changes]


def without_attention(reader: ConfigReader, kinds: Sequence[LayerKind]) -> list[LayerKind]:
    """The kinds, with those blocks of a search as feed-forward that have no attention.

    Raises:
        ValueError: the blocks are no list of objects, one per layer.
    """
    blocks = _blocks(reader, len(kinds))
    if blocks is None:
        return list(kinds)
    return [
        FEED_FORWARD if block.flag("no_op") or block.flag("replace_with_linear") else kind
        for kind, block in zip(kinds, blocks, strict=True)
    ]


def _changed(reader: ConfigReader, change: Mapping[str, object]) -> ConfigReader:
    """A reader with a layer's own numbers, to which no number for a sort of layers applies."""
    if not change:
        return reader
    spellings = (N_HEADS, N_KV_HEADS, HEAD_DIM)
    cleared: dict[str, object] = {
        name: None for same in spellings if set(same) & change.keys() for name in same
    }
    cleared |= dict.fromkeys((*GLOBAL_HEADS, *WINDOW_HEADS))
    return reader.overlaid({**cleared, **change})


def _add_lists(reader: ConfigReader, changes: list[dict[str, object]]) -> None:
    for name in LIST_KEYS:
        entries = reader.values.get(name)
        if not isinstance(entries, list) or not entries:
            continue
        require_length(reader.path + name, reader.array(name) or [], len(changes))
        target = HEAD_LISTS.get(name, name)
        for change, entry in zip(changes, entries, strict=True):
            change[target] = entry
        has_width = any(map(reader.has, HEAD_DIM))
        if target == N_HEADS[0] and not has_width and reader.has(N_HEADS[0]):
            width = _head_dim(reader)
            for change in changes:
                change.setdefault(HEAD_DIM[0], width)


def _head_dim(reader: ConfigReader) -> int:
    """The width of a head that follows from the model's number of heads, not a layer's own."""
    n_heads = reader.required_integer(N_HEADS[0], most=MAX_HEADS)
    return reader.required_integer(*HIDDEN_SIZE, most=MAX_DIM) // n_heads


def _add_window_settings(
    reader: ConfigReader, kinds: Sequence[LayerKind], changes: list[dict[str, object]]
) -> None:
    """Numbers that only window layers have, in an object or as a number of query heads."""
    settings = reader.nested(WINDOW_SETTINGS)
    own: dict[str, object] = {}
    if settings is not None:
        own |= {name: settings.value(name) for name in CACHE_KEYS if settings.has(name)}
    if n_heads := reader.integer(WINDOW_N_HEADS, most=MAX_HEADS):
        own[N_HEADS[0]] = n_heads
        if not any(map(reader.has, HEAD_DIM)):
            own[HEAD_DIM[0]] = _head_dim(reader)
    for kind, change in zip(kinds, changes, strict=True):
        if kind in WINDOWED:
            change.update(own)


def _add_overrides(reader: ConfigReader, changes: list[dict[str, object]]) -> None:
    overrides = reader.nested(OVERRIDES)
    if overrides is None:
        return
    reader.value(OVERRIDES)
    for key in overrides.values:
        if not (key.isascii() and key.isdigit() and len(key) <= 8 and int(key) < len(changes)):
            raise ValueError(
                f"{overrides.path} keys must be layer numbers from 0 to {len(changes) - 1}: "
                f"got {describe_value(key)}"
            )
        inner = overrides.nested(key)
        for name in inner.values if inner is not None else ():
            if inner is not None and name in CACHE_KEYS:
                changes[int(key)][name] = inner.value(name)
            elif not any(word in name for word in HARMLESS_WORDS):
                raise ValueError(
                    f"{overrides.path}{key}.{name[:60]} is not understood: it may change the cache"
                )


def _add_blocks(reader: ConfigReader, changes: list[dict[str, object]]) -> None:
    for block, change in zip(_blocks(reader, len(changes)) or (), changes, strict=False):
        for name in (*UNUSUAL_BLOCK_KEYS, "window_length"):
            if block.values.get(name):
                raise ValueError(f"{block.path}{name} is not understood: it may change the cache")
        n_in_group = block.integer("n_heads_in_group", most=MAX_HEADS)
        if n_in_group is not None:
            n_heads = reader.required_integer(*N_HEADS, most=MAX_HEADS)
            if n_heads % n_in_group:
                raise ValueError(
                    f"{block.path}n_heads_in_group must divide {n_heads} heads: got {n_in_group}"
                )
            change[N_KV_HEADS[0]] = n_heads // n_in_group
        elif n_kv_heads := block.integer(N_KV_HEADS[0], most=MAX_HEADS):
            change[N_KV_HEADS[0]] = n_kv_heads


def _blocks(reader: ConfigReader, n_layers: int) -> list[ConfigReader] | None:
    """The attention of each block; None without the list."""
    if not reader.values.get(BLOCKS):
        return None
    entries = reader.array(BLOCKS) or []
    require_length(reader.path + BLOCKS, entries, n_layers)
    blocks = []
    for i, entry in enumerate(entries):
        attention = entry.get("attention") if isinstance(entry, dict) else None
        path = f"{reader.path}{BLOCKS}[{i}].attention."
        if not isinstance(attention, dict):
            raise ValueError(f"{path[:-1]} must be an object: got {describe_value(attention)}")
        blocks.append(ConfigReader(attention, path, reader.used, reader.assumptions))
    return blocks
