"""Unknown keys of a config: rejected if they could change the cache, otherwise only listed.

A new family may change what is cached by a key of its own, and a wrong size would look like a right
one. So an unknown key is judged by its name and the shape of its value. Names are split into words
at underscores: `qkv` is not `kv`. A value of null, false, 0 or empty changes nothing and always
passes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gqa_core.hf_config import heads, layers, next_token, passes, per_layer
from gqa_core.hf_config.indexers import SPARSE_OBJECT, is_indexer_key
from gqa_core.hf_config.kinds import KEEP_STATE, WINDOWED, LayerKind
from gqa_core.hf_config.reader import TEXT_OBJECTS, ConfigReader
from gqa_core.hf_config.stated_kinds import has_list_of_kinds
from gqa_core.strict_json import describe_value

__all__ = ["ignored_keys", "reject_outer_keys", "reject_unknown_keys"]

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
ATTENTION_WORDS = {"attn", "attention", "qkv"}
OTHER_WIDTHS = {"headdim", "d_k", "d_v", "key_length", "value_length"}
WIDTH_WORDS = {"dim", "dims", "size", "width", "channels", "per"}
LAYER_SUBSET_WORDS = {"local", "global", "full", "sliding", "swa"}
OTHER_HEAD_WORDS = {"lm", "mamba", "ssm", "linear", "kda", "index", "indexer", "classifier"}
LAYER_WORDS = {"layer", "layers", "block", "blocks", "idx", "idxs", "index", "indices", "ids"}
LAYER_WORDS |= {"attn", "attention", "mixer", "recurrent"} | LAYER_SUBSET_WORDS
ATTENTION_OBJECT_WORDS = ("attn", "attention", "linear", "mamba", "hybrid")
PER_LAYER_HARMLESS = ("moe", "mlp", "rope", "ffn", "time_step")
CACHE_WORD_PAIRS = {  # adjacent words that mean the cache, as single words in CACHE_WORDS do
    "layer_pattern": r"(^|_)layers?_patterns?(_|$)",
    "key_value": r"(^|_)keys?_values?(_|$)",
    "cross_layer": r"(^|_)cross_(\w+_)?layers?(_|$)",
    "cross_attention": r"(^|_)cross_att(entio)?n(_|$)",
    "yoco": r"(^|_)yoco(_|$)",
}
OTHER_MODALITIES = {"vision", "visual", "audio", "image", "video", "speech"}
OTHER_OBJECT_WORDS = OTHER_MODALITIES | {"quantization", "compression", "rope", "generation"}
NOT_MODELLED = {  # keys known to change the cache in ways that no formula here covers
    "is_encoder_decoder": "a decoder beside an encoder caches cross-attention too",
    "attention_hidden_size": "the width of attention differs from that of the model",
    "use_cla": "layers read each other's K and V",
}
SEVERAL_PASSES = "layers run several times, each time with a cache of their own"
PASS_WORDS = {"loop", "loops", "looped", "recurrence", "recursion", "recursions", "passes", "ut"}
PASS_WORDS |= {"cycles", "repeats"}
PASS_PAIR = re.compile(r"(^|_)recurrent_(steps|depth|iterations)|(^|_)num_recurrent")
UNLISTED_LAYERS = "it is about layers that no list gives"
RECURRENT_KEYS = {  # about layers that keep a state, not K and V; harmless if all are listed
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
KNOWN_KEYS = frozenset(
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
        *next_token.COUNTS,
        *next_token.LISTS,
        *per_layer.KEYS,
        *heads.WINDOW_LATENT,
        "_name_or_path",
        "activation_sparsity_pattern",
        "architectures",
        "attention_k_eq_v",  # both are stored even if they are equal
        "attn_implementation",
        "cache_implementation",
        "context_window_size",
        "dual_chunk_attention_config",  # positions change, bytes do not
        "hybrid_layer_ids",  # those of layers_block_type
        "intermediate_size",
        "kda_layers",
        "num_key_value_groups",  # query heads per K/V head, which follows from other keys
        "num_shared_expert",
        "model_type",
        "prefill_chunk_size",
        "torch_dtype",
        "dtype",
        "full_attn_layers",
        "use_cache",
    )
)
KNOWN_BY_FAMILY = passes.KEYS_BY_FAMILY | {
    "afmoe": ("global_attn_every_n_layers",),
    "modernbert-decoder": ("global_attn_every_n_layers", "local_attention"),
    "recurrent_gemma": ("attention_window_size", "block_types"),
    "led": ("attention_window",),  # of the encoder
}
PLURALS = {f"{word}s" for word in CACHE_WORDS}


def reject_unknown_keys(reader: ConfigReader, kinds: Sequence[LayerKind], family: str) -> None:
    """Raise ValueError if an unknown key could change the cache; `kinds` are those of all layers.

    `family` is the `model_type`, some of which know keys of their own.

    Raises:
        ValueError: a key could; the sentence names it and the reason.
    """
    objects = [
        reader,
        reader.nested(heads.ATTENTION_OBJECT),
        reader.nested("linear_attn_config"),
    ]
    has_kv_heads, has_width = heads.has_kv_head_key(reader), heads.has_head_width_key(reader)
    for part in filter(None, objects):
        for name, value in part.values.items():
            if name in KNOWN_BY_FAMILY.get(family, ()):
                continue
            reason = _rejection_reason(part, name, value, kinds) or _rejection_for_heads(
                name, value, has_kv_heads=has_kv_heads, has_width=has_width
            )
            if reason is not None:
                raise ValueError(f"{part.path + name[:60]!r} is not understood: {reason}")


def reject_outer_keys(top: ConfigReader) -> None:
    """Raise ValueError if a key beside the text model says what its layers cannot be.

    Raises:
        ValueError: it does; the sentence names the key and the reason.
    """
    for name, value in top.values.items():
        if name in NOT_MODELLED and value:
            raise ValueError(f"{name!r} is not understood: {NOT_MODELLED[name]}")
        if _is_several_passes(name, value) and not isinstance(value, dict):
            raise ValueError(f"{name[:60]!r} is not understood: {SEVERAL_PASSES}")


def ignored_keys(reader: ConfigReader) -> list[str]:
    """The paths of the text model's keys that no figure depends on."""
    paths = [reader.path + name for name in reader.values if name not in reader.defaults]
    return [
        path
        for path in paths
        if path not in reader.used and not any(used.startswith(f"{path}.") for used in reader.used)
    ]


def _rejection_reason(
    part: ConfigReader, name: str, value: object, kinds: Sequence[LayerKind]
) -> str | None:
    """Reason to reject a key, from its name and value; None if it is known or harmless."""
    if name in NOT_MODELLED and value:
        return NOT_MODELLED[name]
    if not value or name in KNOWN_KEYS or _is_harmless(part, name, value, kinds):
        return None
    words = _words(name)
    if _is_several_passes(name, value):
        return SEVERAL_PASSES
    pairs = {pair for pair, form in CACHE_WORD_PAIRS.items() if re.search(form, name.lower())}
    if cache_words := words & CACHE_WORDS | pairs:
        return f"its name is about {' and '.join(sorted(cache_words))}"
    if name in RECURRENT_KEYS:
        return UNLISTED_LAYERS
    if isinstance(value, dict) and any(word in name.lower() for word in ATTENTION_OBJECT_WORDS):
        return "an object about attention"
    if any(word in name.lower() for word in PER_LAYER_HARMLESS):
        return None
    if words & {"linear", "mamba"}:
        return UNLISTED_LAYERS
    if _is_per_layer(name, value, len(kinds)):
        return f"{describe_value(value)}, which may be one entry per layer or layer numbers"
    return None


def _rejection_for_heads(
    name: str, value: object, *, has_kv_heads: bool, has_width: bool
) -> str | None:
    """Reason to reject an unknown key about heads, given which head keys are known; else None."""
    if value and not has_width and _is_about_attention_width(name):
        return "it is about the width of attention, and no known key gives that of a head"
    if not value or not _is_about_heads(name):
        return None
    if not has_kv_heads:
        return "it is about heads, and no known key gives K/V heads"
    words = _words(name)
    if words & LAYER_SUBSET_WORDS:
        return "it is about the heads of only some layers"
    if words & WIDTH_WORDS and not has_width:
        return "it is about the width of heads, and no known key gives that"
    return None


def _is_several_passes(name: str, value: object) -> bool:
    """True if a key may say that layers run more than once."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 1
    is_about_passes = bool(_words(name) & PASS_WORDS or PASS_PAIR.search(name.lower()))
    return is_about_passes and (is_number or isinstance(value, dict))


def _is_about_attention_width(name: str) -> bool:
    words = _words(name)
    is_known = name in KNOWN_KEYS or words & (OTHER_HEAD_WORDS | OTHER_MODALITIES)
    is_width = bool(words & ATTENTION_WORDS and words & {"dim", "dims", "size", "width"})
    return not is_known and (is_width or name in OTHER_WIDTHS)


def _is_about_heads(name: str) -> bool:
    words = _words(name)
    is_known = name in KNOWN_KEYS or words & (OTHER_HEAD_WORDS | OTHER_MODALITIES)
    return bool(words & HEAD_WORDS and not is_known)


def _is_harmless(part: ConfigReader, name: str, value: object, kinds: Sequence[LayerKind]) -> bool:
    words = _words(name)
    if name.endswith("_dtype") or is_indexer_key(name) or {"moe", "latent"} <= words:
        return True
    if name.endswith("types_block"):  # a piece of the pattern, read with the kinds of layers
        return True
    if name == SPARSE_OBJECT and isinstance(value, dict):
        return all(key.startswith("sparse_") or key == "use_sparse_attention" for key in value)
    if words & OTHER_MODALITIES or (isinstance(value, dict) and words & OTHER_OBJECT_WORDS):
        return True
    if name == "sliding_window_size":  # -1 means no window
        is_read = set(kinds) & set(WINDOWED) and not part.has("sliding_window")
        return bool(is_read) or value in (-1, part.values.get("sliding_window"))
    if name.endswith("window_pattern"):
        return has_list_of_kinds(part)
    are_recurrent_listed = has_list_of_kinds(part) or set(kinds) & set(KEEP_STATE)
    is_recurrent_key = (
        {"mamba", "linear", "conv", "ssm"} & words or name in RECURRENT_KEYS or name == "chunk_size"
    )
    return bool(are_recurrent_listed and is_recurrent_key and not isinstance(value, dict))


def _is_per_layer(name: str, value: object, n_layers: int) -> bool:
    """True if a value has one entry per layer, or lists layer numbers."""
    if isinstance(value, str):  # one letter per layer repeats letters; a word that long does not
        max_letters = 6 if n_layers >= 12 else min(4, n_layers - 1)
        return len(value) == n_layers and len(set(value)) <= max_letters
    if not isinstance(value, list) or "token" in _words(name):
        return False
    if len(value) == n_layers:
        return True
    return bool(_words(name) & LAYER_WORDS) and _are_distinct_indices(value, n_layers)


def _are_distinct_indices(numbers: Sequence[object], n_layers: int) -> bool:
    indices = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool)]
    if not len(indices) == len(numbers) == len(set(indices)):
        return False
    return 0 <= min(indices) <= n_layers


def _words(name: str) -> set[str]:
    """The words of a key in lower case; plurals of cache words become singular."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return {word.removesuffix("s") if word in PLURALS else word for word in words if word}
