"""Which layers cache what: all of the context, a window of it, or no tokens at all.

A list with an entry for each layer goes first, then a rule in numbers, then the family's own rule,
which is the one thing a model's type decides. Without any of these a window holds for every layer.
Sources of the family rules: huggingface/transformers, configuration files of the named types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from gqa_core.configs import MAX_CONTEXT_LEN, MAX_LAYERS
from gqa_core.hf_config.keys import Keys
from gqa_core.strict_json import describe_value

FULL, WINDOW, CHUNK, SHARED = "full", "window", "chunk", "shared"
LINEAR, STATE_SPACE, CONVOLUTION, FEED_FORWARD = (
    "linear attention",
    "state-space",
    "convolution",
    "feed-forward",
)
CACHING = (FULL, WINDOW, CHUNK)
RECURRENT = (LINEAR, STATE_SPACE, CONVOLUTION)

N_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
NAMED_KINDS = {
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
LISTS = {  # a list with one entry a layer, and what its entries mean
    "layer_types": NAMED_KINDS,
    "layers_block_type": NAMED_KINDS,
    "hybrid_layer_pattern": {0: FULL, 1: WINDOW},
    "attn_type_list": {0: LINEAR, 1: FULL},
}
LETTERS = {"*": FULL, "M": STATE_SPACE, "E": FEED_FORWARD, "-": FEED_FORWARD}
INDICES = {  # the layers that attend, by number; what the rest are, and the first number
    "attn_layer_indices": (STATE_SPACE, 0),
    "full_attn_idxs": (CONVOLUTION, 0),
}
EVERY_NTH_FULL = {  # families in which every n-th layer is full and the rest see a window
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
KINDS_KEYS = (
    *LISTS,
    *INDICES,
    "hybrid_override_pattern",
    "linear_attn_config",
    "full_attention_interval",
    "attn_layer_period",
)
PATTERNS = ("sliding_window_pattern", "_sliding_window_pattern")
LLAMA_4_INTERVAL = 4
KEYS = (
    *N_LAYERS,
    *KINDS_KEYS,
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

Kinds = list[str]


def layer_kinds(keys: Keys, family: str) -> Kinds:
    """The kind of every layer, first to last; `family` is the model's type.

    Raises:
        ValueError: a list has another length or an entry that is not known, a number is out of
            bounds, or no layer caches anything.
    """
    n_layers = keys.required(*N_LAYERS, most=MAX_LAYERS)
    kinds = _told(keys, n_layers) or _windows(keys, n_layers, family)
    if WINDOW in kinds and keys.flag("use_sliding_window") is False:
        keys.assume("window layers see everything, since use_sliding_window is false")
        kinds = [FULL if kind == WINDOW else kind for kind in kinds]
    n_shared = keys.integer("num_kv_shared_layers", most=n_layers, least=0) or 0
    if n_shared:
        keys.assume(f"the last {n_shared} layers read the caches of earlier ones")
        kinds = kinds[: n_layers - n_shared] + [SHARED] * n_shared
    if not set(kinds) & set(CACHING):
        raise ValueError("a model must have a layer that caches tokens: got none")
    return kinds


def are_listed(keys: Keys) -> bool:
    """Whether a list names the kind of every layer, so that no other key can."""
    return any(keys.values.get(name) for name in (*LISTS, "hybrid_override_pattern"))


def window_of(keys: Keys, kind: str) -> int | None:
    """How many tokens back a layer of this kind sees; None for all.

    Raises:
        ValueError: it sees a window, and no key says how long.
    """
    if kind == FULL:
        return None
    name = "sliding_window" if kind == WINDOW else "attention_chunk_size"
    return keys.required(name, most=MAX_CONTEXT_LEN)


def _from_list(name: str, keys: Keys, n_layers: int) -> Kinds | None:
    if not keys.values.get(name):  # absent, null or empty
        return None
    entries = keys.items(name)
    _require_length(keys.path + name, entries, n_layers)
    return [_meaning(keys.path + name, LISTS[name], entry) for entry in entries]


def _from_letters(keys: Keys, n_layers: int) -> Kinds | None:
    name = "hybrid_override_pattern"
    letters = keys.text(name)
    if not letters:
        return None
    _require_length(keys.path + name, letters, n_layers)
    return [_meaning(keys.path + name, LETTERS, letter) for letter in letters]


def _from_indices(keys: Keys, n_layers: int) -> Kinds | None:
    inner = keys.inside("linear_attn_config")
    if inner is not None:
        if not inner.has("full_attn_layers"):
            raise ValueError(f"{inner.path}full_attn_layers must be given: got no such key")
        return _at(inner, "full_attn_layers", n_layers, LINEAR, first=1)
    for name, (rest, first) in INDICES.items():
        if keys.values.get(name):
            return _at(keys, name, n_layers, rest, first)
    return None


def _from_period(keys: Keys, n_layers: int) -> Kinds | None:
    period = keys.integer("attn_layer_period", most=MAX_LAYERS)
    if period is not None:
        offset = keys.integer("attn_layer_offset", most=MAX_LAYERS, least=0)
        if offset is None:
            offset = 0
            keys.assume("attn_layer_offset = 0, since no key gives it")
        return [FULL if at % period == offset else STATE_SPACE for at in range(n_layers)]
    interval = keys.integer("full_attention_interval", most=MAX_LAYERS)
    return _every_nth_full(n_layers, interval, LINEAR) if interval else None


def _told(keys: Keys, n_layers: int) -> Kinds | None:
    """The kinds that lists and rules in numbers give; where there are several they must agree."""
    told = [kinds for read in READERS if (kinds := read(keys, n_layers)) is not None]
    cached = {tuple(kind in CACHING and kind for kind in kinds) for kinds in told}
    if len(cached) > 1:
        given = ", ".join(name for name in KINDS_KEYS if keys.values.get(name))
        raise ValueError(f"the keys that say which layers attend must agree: got {given}")
    return told[0] if told else None


READERS: Sequence[Callable[[Keys, int], Kinds | None]] = (
    *(partial(_from_list, name) for name in LISTS),
    _from_letters,
    _from_indices,
    _from_period,
)


def _windows(keys: Keys, n_layers: int, family: str) -> Kinds:
    """What a window, or a chunk, that no list speaks of means."""
    if family.startswith("llama4"):
        return _chunks(keys, n_layers)
    if family in EVERY_NTH_FULL:
        _require_named(keys, "sliding_window")
    if not keys.values.get("sliding_window") or keys.flag("use_sliding_window") is False:
        return [FULL] * n_layers
    if keys.flag("use_sliding_window") is None and family.startswith("qwen"):
        keys.assume(f"no windows: model type {family} has them only with use_sliding_window")
        return [FULL] * n_layers
    pattern = keys.values.get(PATTERNS[0])
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        cycle = [WINDOW if letter == "L" else FULL for letter in keys.text(PATTERNS[0])]
        return [cycle[at % len(cycle)] for at in range(n_layers)]
    nth = keys.integer(*PATTERNS, most=MAX_LAYERS)
    if nth is None and family in EVERY_NTH_FULL:
        nth = EVERY_NTH_FULL[family]
        keys.assume(f"every layer whose number {nth} divides is full: model type {family}'s rule")
    if nth is not None:
        return _every_nth_full(n_layers, nth, WINDOW)
    n_full = keys.integer("max_window_layers", most=MAX_LAYERS, least=0)
    if keys.flag("use_sliding_window") and n_full is not None:
        keys.assume("layers from max_window_layers on see the window, those before everything")
        return [FULL if at < n_full else WINDOW for at in range(n_layers)]
    if n_full is not None:
        raise ValueError(
            f"{keys.path}use_sliding_window must be given beside max_window_layers: got no such key"
        )
    keys.assume("sliding_window holds for every layer")
    return [WINDOW] * n_layers


def _chunks(keys: Keys, n_layers: int) -> Kinds:
    _require_named(keys, "attention_chunk_size")
    if not keys.values.get("attention_chunk_size"):
        return [FULL] * n_layers
    rotated = keys.items("no_rope_layers")
    if rotated:
        _require_length(f"{keys.path}no_rope_layers", rotated, n_layers)
        meanings = {0: FULL, 1: CHUNK}
        return [_meaning(f"{keys.path}no_rope_layers", meanings, entry) for entry in rotated]
    nth = keys.integer("no_rope_layer_interval", most=MAX_LAYERS) or LLAMA_4_INTERVAL
    keys.assume(f"every layer whose number {nth} divides is full: model type llama4's rule")
    return _every_nth_full(n_layers, nth, CHUNK)


def _every_nth_full(n_layers: int, nth: int, rest: str) -> Kinds:
    return [FULL if at % nth == 0 else rest for at in range(1, n_layers + 1)]


def _at(keys: Keys, name: str, n_layers: int, rest: str, first: int) -> Kinds:
    numbers, last = keys.items(name), first + n_layers - 1
    for number in numbers:
        right = isinstance(number, int) and not isinstance(number, bool)
        if not right or not first <= number <= last:
            raise ValueError(
                f"{keys.path}{name} must hold layer numbers from {first} to {last}: "
                f"got {describe_value(number)}"
            )
    return [FULL if at in set(numbers) else rest for at in range(first, last + 1)]


def _require_named(keys: Keys, name: str) -> None:
    """Nothing, if a key is there, be it null: without it a family has a window of its own."""
    if name not in keys.values:
        raise ValueError(f"{keys.path}{name} must be given, or null: got no such key")


def _require_length(name: str, entries: Sequence[object], n_layers: int) -> None:
    if len(entries) != n_layers:
        raise ValueError(
            f"{name} must have an entry for each of {n_layers} layers: got {len(entries)}"
        )


def _meaning(name: str, meanings: dict, entry: object) -> str:
    if isinstance(entry, (str, int)) and not isinstance(entry, bool) and entry in meanings:
        return meanings[entry]
    known = ", ".join(map(str, meanings))
    raise ValueError(f"{name} must hold entries of {known}: got {describe_value(entry)}")
