"""The kind of every layer: whether it caches the whole context, a window of it, or no tokens.

A list with one entry per layer takes precedence, then a numeric rule (every n-th layer), then the
rule of the model's family, which is the only thing `model_type` decides. Without any of these, a
window applies to every layer.
Source of the family rules: huggingface/transformers, configuration files of the named types.
"""

from __future__ import annotations

from gqa_core.configs import MAX_CONTEXT_LEN, MAX_LAYERS
from gqa_core.hf_config.kinds import (
    CACHING,
    CHUNK,
    FULL,
    SHARED,
    WINDOW,
    LayerKind,
    every_nth_full,
    parse_kind,
    require_length,
)
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.hf_config.stated_kinds import KIND_KEYS, stated_kinds

__all__ = ["KEYS", "layer_kinds", "window_len"]

N_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
EVERY_NTH_FULL = {  # families whose every n-th layer is full, and the rest window layers
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gemma4": 6,
    "cohere2": 4,
    "gpt_oss": 2,
    "olmo3": 4,
    "exaone4": 4,
    "exaone_moe": 4,
}
PATTERNS = ("sliding_window_pattern", "_sliding_window_pattern")
LLAMA_4_INTERVAL = 4
KEYS = (
    *N_LAYERS,
    *KIND_KEYS,
    "attn_layer_offset",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    *PATTERNS,
    "attention_chunk_size",
    "no_rope_layers",
    "no_rope_layer_interval",
    "num_kv_shared_layers",
)


def layer_kinds(reader: ConfigReader, family: str) -> list[LayerKind]:
    """The kind of every layer, first to last; `family` is the `model_type`.

    Raises:
        ValueError: a list has the wrong length or an unknown entry, lists and rules disagree, a
            number is out of bounds, or no layer caches anything.
    """
    n_layers = reader.required_integer(*N_LAYERS, most=MAX_LAYERS)
    kinds = stated_kinds(reader, n_layers) or _kinds_by_window(reader, n_layers, family)
    if WINDOW in kinds and reader.flag("use_sliding_window") is False:
        reader.assume("window layers see the whole context, since use_sliding_window is false")
        kinds = [FULL if kind == WINDOW else kind for kind in kinds]
    n_shared = reader.integer("num_kv_shared_layers", most=n_layers, least=0) or 0
    if n_shared:
        reader.assume(f"the last {n_shared} layers read the caches of earlier ones")
        kinds = kinds[: n_layers - n_shared] + [SHARED] * n_shared
    if not set(kinds) & set(CACHING):
        raise ValueError("a model must have a layer that caches tokens: got none")
    return kinds


def window_len(reader: ConfigReader, kind: LayerKind) -> int | None:
    """Tokens that a caching layer of this kind sees, itself included; None for all.

    Raises:
        ValueError: it is a window or chunk layer and no key gives the length.
    """
    if kind == FULL:
        return None
    name = "sliding_window" if kind == WINDOW else "attention_chunk_size"
    return reader.required_integer(name, most=MAX_CONTEXT_LEN)


def _kinds_by_window(reader: ConfigReader, n_layers: int, family: str) -> list[LayerKind]:
    """The kinds where no list or rule gives them: a window or chunk, and the family's rule."""
    if family.startswith("llama4"):
        return _llama_4_chunks(reader, n_layers)
    if family in EVERY_NTH_FULL:
        _require_key(reader, "sliding_window")
    if not reader.values.get("sliding_window") or reader.flag("use_sliding_window") is False:
        return [FULL] * n_layers
    if reader.flag("use_sliding_window") is None and family.startswith("qwen"):
        reader.assume(f"no windows: model type {family} has them only with use_sliding_window")
        return [FULL] * n_layers
    by_pattern = _from_window_pattern(reader, n_layers, family)
    return by_pattern or _from_max_window_layers(reader, n_layers)


def _from_window_pattern(
    reader: ConfigReader, n_layers: int, family: str
) -> list[LayerKind] | None:
    """Window and full layers in a cycle: as letters (LLLG), as a number, or by the family."""
    pattern = reader.values.get(PATTERNS[0])
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        letters = reader.text(PATTERNS[0]) or ""
        return [WINDOW if letters[i % len(letters)] == "L" else FULL for i in range(n_layers)]
    nth = reader.integer(*PATTERNS, most=MAX_LAYERS)
    if nth is None and family in EVERY_NTH_FULL:
        nth = EVERY_NTH_FULL[family]
        reader.assume(f"every layer with a number divisible by {nth} is full: rule of {family}")
    return None if nth is None else every_nth_full(n_layers, nth, WINDOW)


def _from_max_window_layers(reader: ConfigReader, n_layers: int) -> list[LayerKind]:
    """Window layers from `max_window_layers` on; without that key, all of them."""
    n_full = reader.integer("max_window_layers", most=MAX_LAYERS, least=0)
    if reader.flag("use_sliding_window") and n_full is not None:
        reader.assume("layers from max_window_layers on are window layers, those before are full")
        return [FULL if i < n_full else WINDOW for i in range(n_layers)]
    if n_full is not None:
        raise ValueError(
            f"{reader.path}use_sliding_window must be given if max_window_layers is: "
            "got no such key"
        )
    reader.assume("sliding_window applies to every layer")
    return [WINDOW] * n_layers


def _llama_4_chunks(reader: ConfigReader, n_layers: int) -> list[LayerKind]:
    _require_key(reader, "attention_chunk_size")
    if not reader.values.get("attention_chunk_size"):
        return [FULL] * n_layers
    has_rope = reader.array("no_rope_layers")  # despite its name, 1 marks a layer with RoPE
    if has_rope:
        path = f"{reader.path}no_rope_layers"
        require_length(path, has_rope, n_layers)
        return [parse_kind(path, {0: FULL, 1: CHUNK}, entry) for entry in has_rope]
    nth = reader.integer("no_rope_layer_interval", most=MAX_LAYERS) or LLAMA_4_INTERVAL
    reader.assume(f"every layer with a number divisible by {nth} is full: rule of llama4")
    return every_nth_full(n_layers, nth, CHUNK)


def _require_key(reader: ConfigReader, name: str) -> None:
    """Raise ValueError if a key is absent; null is fine: it says that there is no window."""
    if name not in reader.values:
        raise ValueError(f"{reader.path}{name} must be given, or null: got no such key")
