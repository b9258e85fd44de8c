"""Keys that nobody here knows: refused where they could change the cache, else only listed.

A key is judged by its name and the shape of its value. Words are split at the underscore, so that
qkv is not kv. What is null, false, 0 or empty says nothing and is never refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from gqa_core.hf_config import heads, layers
from gqa_core.hf_config.keys import TEXT_OBJECTS, Keys
from gqa_core.strict_json import describe_value

MAX_CONTEXT_LEN_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
    "n_ctx",
)
CACHE_WORDS = {"kv", "cache", "window", "chunk", "compress", "latent"}
HEAD_WORDS = {"head", "heads"}
WIDTH_WORDS = {"dim", "dims", "size", "width", "channels", "per"}
SOME_LAYERS = {"local", "global", "full", "sliding", "swa"}
HARMLESS_HEADS = {"lm", "mamba", "ssm", "linear", "kda", "index", "indexer", "classifier"}
LAYER_WORDS = {"layer", "layers", "block", "blocks", "idx", "idxs", "index", "indices", "ids"}
LAYER_WORDS |= {"attn", "attention", "mixer", "recurrent"} | SOME_LAYERS
ATTENTION_OBJECTS = ("attn", "attention", "linear", "mamba", "hybrid")
PER_LAYER_HARMLESS = ("moe", "mlp", "rope")
PAIRS = {  # two words side by side that speak of the cache as one word does
    "layer_pattern": r"(^|_)layers?_patterns?(_|$)",
    "key_value": r"(^|_)keys?_values?(_|$)",
    "cross_layer": r"(^|_)cross_(\w+_)?layers?(_|$)",
    "cross_attention": r"(^|_)cross_att(entio)?n(_|$)",
    "yoco": r"(^|_)yoco(_|$)",
}
OTHER_PARTS = {"vision", "visual", "audio", "image", "video", "speech"}
OTHER_OBJECTS = OTHER_PARTS | {"quantization", "compression", "rope", "generation"}
NOT_MODELLED = {  # known to change what is cached, in ways that no formula here counts
    "is_encoder_decoder": "a decoder beside an encoder caches cross-attention too",
    "attention_hidden_size": "attention over another width than the model's",
    "use_cla": "layers that read each other's K and V",
    "layer_group_size": "groups of linear and full layers",
    "per_layer_config": "layers with numbers of their own",
    "total_ut_steps": "layers run several times, each time with a cache",
    "mean_recurrence": "layers run several times, each time with a cache",
    "num_loops": "layers run several times, each time with a cache",
    "loop_count": "layers run several times, each time with a cache",
}
UNLISTED = {  # keys of layers that keep a state in place of K and V; harmless where all are listed
    "attn_mode",
    "decay_low_rank_dim",
    "expand_k",
    "expand_ratio",
    "expand_v",
    "global_attn_every_n_layers",
    "ssm_state_size",
    "state_size",
    "use_short_conv",
}
NEXT_TOKEN = (
    "num_nextn_predict_layers",
    "mtp_num_hidden_layers",
    "num_mtp_layers",
    "num_mtp_modules",
)
KNOWN = frozenset(
    (
        *heads.N_HEADS,
        *heads.N_KV_HEADS,
        *heads.HIDDEN_SIZE,
        *heads.HEAD_DIM,
        *heads.LATENT,
        *heads.FLAGS,
        *heads.WINDOW_HEADS,
        *heads.GLOBAL_HEADS,
        heads.GROUP_NUM,
        heads.ATTENTION_OBJECT,
        *layers.KEYS,
        *TEXT_OBJECTS,
        *MAX_CONTEXT_LEN_KEYS,
        *NEXT_TOKEN,
        "_name_or_path",
        "activation_sparsity_pattern",
        "architectures",
        "attention_k_eq_v",  # both are stored even where they are equal
        "attn_implementation",
        "cache_implementation",
        "context_window_size",
        "intermediate_size",
        "kda_layers",
        "num_key_value_groups",  # query heads a K/V head, which follows from the others
        "num_shared_expert",
        "model_type",
        "prefill_chunk_size",
        "torch_dtype",
        "dtype",
        "full_attn_layers",
        "use_cache",
    )
)


def refuse_unknown(keys: Keys, kinds: Collection[str]) -> None:
    """Nothing, if no unknown key could change the cache; `kinds` are those of the layers.

    Raises:
        ValueError: one could; the sentence names it.
    """
    parts = [keys, keys.inside(heads.ATTENTION_OBJECT), keys.inside("linear_attn_config")]
    heads_are_named, width_is_named = heads.names_kv_heads(keys), heads.names_width(keys)
    for part in filter(None, parts):
        for name, value in part.values.items():
            reason = _suspicion(part, name, value, kinds)
            if reason is None and not heads_are_named:
                reason = _speaks_of_heads(name, value)
            if reason is None:
                reason = _speaks_of_widths(name, value, width_is_named)
            if reason is not None:
                raise ValueError(f"{part.path + name[:60]!r} is not understood: {reason}")


def not_counted(keys: Keys, kinds: Collection[str]) -> list[str]:
    """What the model keeps besides its K and V, in sentences; none of it is in any figure.

    Raises:
        ValueError: a number of layers is no whole number.
    """
    told = [
        f"the state of {kinds.count(kind)} {kind} layers: its size does not grow with the context"
        for kind in layers.RECURRENT
        if kind in kinds
    ]
    indexer = [name for name in keys.values if _is_indexer(name) and keys.has(name)]
    if indexer:
        told.append(f"the cache of a sparse indexer ({', '.join(sorted(indexer))})")
    told += [
        f"the cache of a module that predicts further tokens ({name})"
        for name in NEXT_TOKEN
        if keys.integer(name, most=1000, least=0)
    ]
    return told


def ignored(keys: Keys) -> list[str]:
    """The paths of all keys of the text model that nothing rests on."""
    paths = [keys.path + name for name in keys.values]
    return [
        path
        for path in paths
        if path not in keys.used and not any(used.startswith(f"{path}.") for used in keys.used)
    ]


def _suspicion(part: Keys, name: str, value: Any, kinds: Collection[str]) -> str | None:
    """Why an unknown key must be refused, or None."""
    if name in NOT_MODELLED and (value is True or value not in (None, False, 0, 1, "", [])):
        return NOT_MODELLED[name]
    if not value or name in KNOWN or _is_harmless(part, name, value, kinds):
        return None
    words = _words(name)
    pairs = {pair for pair, form in PAIRS.items() if re.search(form, name.lower())}
    found = words & CACHE_WORDS | pairs
    if found:
        return f"its name speaks of {' and '.join(sorted(found))}"
    if name in UNLISTED:
        return "it speaks of layers that no list names"
    if isinstance(value, dict) and any(word in name.lower() for word in ATTENTION_OBJECTS):
        return "an object that speaks of attention"
    if any(word in name.lower() for word in PER_LAYER_HARMLESS):
        return None
    if words & {"linear", "mamba"}:
        return "it speaks of layers that no list names"
    if _is_per_layer(name, value, len(kinds)):
        return f"{describe_value(value)}, one entry a layer or layer numbers"
    return None


def _speaks_of_heads(name: str, value: Any) -> str | None:
    """Why an unknown key must be refused where no known one names K/V heads, or None."""
    if not value or not _is_of_heads(name):
        return None
    return "it speaks of heads, and no known key names K/V heads"


def _speaks_of_widths(name: str, value: Any, width_is_named: bool) -> str | None:
    """Why an unknown key that speaks of heads must be refused where others are named, or None."""
    if not value or not _is_of_heads(name):
        return None
    words = _words(name)
    if words & SOME_LAYERS:
        return "it speaks of the heads of some layers alone"
    if words & WIDTH_WORDS and not width_is_named:
        return "it speaks of the width of heads, and no known key names that"
    return None


def _is_of_heads(name: str) -> bool:
    words = _words(name)
    known = name in KNOWN or words & (HARMLESS_HEADS | OTHER_PARTS)
    return bool(words & HEAD_WORDS and not known)


def _is_harmless(part: Keys, name: str, value: Any, kinds: Collection[str]) -> bool:
    words = _words(name)
    if name.endswith("_dtype") or _is_indexer(name) or {"moe", "latent"} <= words:
        return True
    if words & OTHER_PARTS or (isinstance(value, dict) and words & OTHER_OBJECTS):
        return True
    if name == "sliding_window_size":  # -1 says that there is none
        return value in (-1, part.values.get("sliding_window"))
    told = layers.are_listed(part) or set(kinds) & set(layers.RECURRENT)
    beside = {"mamba", "linear", "conv", "ssm"} & words or name in UNLISTED or name == "chunk_size"
    return bool(told and beside and not isinstance(value, dict))


def _is_indexer(name: str) -> bool:
    return name.startswith(("index_", "indexer_"))


def _is_per_layer(name: str, value: Any, n_layers: int) -> bool:
    if isinstance(value, str):  # a letter a layer repeats itself; a word of that length does not
        kinds = 6 if n_layers >= 12 else min(4, n_layers - 1)
        return len(value) == n_layers and len(set(value)) <= kinds
    if not isinstance(value, list) or "token" in _words(name):
        return False
    return len(value) == n_layers or (bool(_words(name) & LAYER_WORDS) and _rise(value, n_layers))


def _rise(numbers: Iterable[Any], n_layers: int) -> bool:
    numbers = list(numbers)
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in numbers)
    return whole and len(set(numbers)) == len(numbers) and 0 <= min(numbers) <= n_layers


def _words(name: str) -> set[str]:
    return {word.removesuffix("s") if word in PLURALS else word for word in _split(name)}


def _split(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


PLURALS = {f"{word}s" for word in CACHE_WORDS}
