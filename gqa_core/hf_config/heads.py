"""The attention of one caching layer, from the keys about heads.

Attention is recognised by structure: `kv_lora_rank` makes it MLA, a number of K/V heads in any
spelling makes it grouped, and no such number means one K and one V per query head. Window layers
may have heads of their own (`swa_*`), and so may full layers in a model that has both
(`*global_*`).
"""

from __future__ import annotations

from gqa_core.configs import (
    MAX_DIM,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_RANK,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
)
from gqa_core.hf_config.class_defaults import HEAD_DIM_DEFAULTS
from gqa_core.hf_config.reader import ConfigReader

__all__ = [
    "full_attention",
    "has_head_width_key",
    "has_kv_head_key",
    "is_latent",
    "require_own_widths",
    "window_attention",
    "with_family_widths",
]

N_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "num_query_heads")
N_KV_HEADS = (
    "num_key_value_heads",
    "num_kv_heads",
    "n_kv_heads",
    "n_kv_head",
    "n_head_kv",
    "kv_n_heads",
    "num_query_groups",
    "num_attention_groups",
)
HIDDEN_SIZE = ("hidden_size", "n_embd", "n_embed", "d_model", "dim")
HEAD_DIM = ("head_dim", "attention_head_dim", "kv_channels", "d_kv", "d_head")
LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "q_lora_rank")
FLAGS = ("multi_query", "new_decoder_architecture", "multi_query_attention")
GROUP_NUM = "multi_query_group_num"
ATTENTION_OBJECT = "attn_config"
ATTENTION_TYPES = {"multihead_attention": "MHA", "multiquery_attention": "MQA"}
WINDOW_HEADS = (
    "swa_num_attention_heads",
    "swa_num_key_value_heads",
    "swa_head_dim",
    "swa_v_head_dim",
)
WINDOW_LATENT = tuple(f"swa_{name}" for name in LATENT)
GLOBAL_HEADS = ("num_global_key_value_heads", "global_head_dim")
OWN_WIDTHS = {  # families whose code has other numbers than the rest of the config implies
    "gemma": ("head_dim",),
    "gemma2": ("head_dim",),
    "gemma3": ("head_dim",),
    "gemma3n": ("head_dim",),
    "gemma4": ("head_dim", "global_head_dim"),
    "gemma4_unified": ("head_dim", "global_head_dim"),
    "dots3_note": ("per_layer_config",),
    "inkling": ("swa_num_key_value_heads",),
    "vaultgemma": ("head_dim",),
}


def full_attention(reader: ConfigReader, *, has_window_layers: bool) -> AttentionConfig:
    """The attention of layers that see the whole context.

    With `has_window_layers` the model has both kinds, and the `*global_*` keys count.

    Raises:
        ValueError: a number is missing, of another type, or out of bounds.
    """
    n_heads = reader.required_integer(*N_HEADS, most=MAX_HEADS)
    if is_latent(reader):
        return _latent(reader, n_heads)
    n_kv_heads = _n_kv_heads(reader, n_heads)
    if has_window_layers:
        n_kv_heads = reader.integer(GLOBAL_HEADS[0], most=MAX_HEADS) or n_kv_heads
        global_width = reader.integer(GLOBAL_HEADS[1], most=MAX_HEAD_DIM)
        if global_width:
            return GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=global_width)
    head_dim = _head_dim(reader, n_heads)
    return GroupedConfig(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        v_head_dim=_v_head_dim(reader) or head_dim,
    )


def window_attention(reader: ConfigReader) -> AttentionConfig:
    """The attention of window layers: the `swa_*` keys where present, else the model's.

    Raises:
        ValueError: as `full_attention`.
    """
    heads, kv_heads, width, v_width = WINDOW_HEADS
    n_heads = reader.integer(heads, most=MAX_HEADS) or reader.required_integer(
        *N_HEADS, most=MAX_HEADS
    )
    if is_latent(reader):
        return _latent(_with_window_latent(reader), n_heads)
    n_kv_heads = reader.integer(kv_heads, most=MAX_HEADS) or _n_kv_heads(reader, n_heads)
    head_dim = reader.integer(width, most=MAX_HEAD_DIM) or _head_dim(reader, n_heads)
    v_head_dim = reader.integer(v_width, most=MAX_HEAD_DIM) or _v_head_dim(reader)
    return GroupedConfig(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        v_head_dim=v_head_dim or head_dim,
    )


def with_family_widths(reader: ConfigReader, family: str) -> ConfigReader:
    """The reader with widths as the family's code has them, where keys mislead.

    Zamba attends over twice the model's width, of which `kv_channels` says half; Gemma 4 has fewer
    K/V heads in full layers only with `attention_k_eq_v`; MiMo's window layers have twice the K/V
    heads. Many classes have a head_dim of their own, which a file may leave out.
    Source: huggingface/transformers 5.24, configuration_zamba2.py, configuration_gemma4.py and
    modeling_mimo_v2_flash.py.
    """
    if family in ("zamba", "zamba2"):
        width = reader.integer("attention_head_dim", most=MAX_HEAD_DIM)
        n_heads = reader.required_integer(*N_HEADS, most=MAX_HEADS)
        if width is None:
            width = 2 * reader.required_integer(*HIDDEN_SIZE, most=MAX_DIM) // n_heads
            reader.assume(f"head_dim = 2 x hidden size / heads = {width}: rule of {family}")
        own_widths = {"kv_channels": None, "attention_head_dim": None, "head_dim": width}
        return reader.overlaid(own_widths | {"attention_hidden_size": None})
    if family == "gemma4" and reader.flag("attention_k_eq_v") is not True:
        return reader.overlaid({GLOBAL_HEADS[0]: None})
    if family in HEAD_DIM_DEFAULTS and not has_head_width_key(reader):
        width = HEAD_DIM_DEFAULTS[family]
        reader.assume(f"head_dim = {width}, the default of the model type's class")
        reader = reader.overlaid({"head_dim": width})
    own_heads = WINDOW_HEADS[1]
    if family == "mimo_v2_flash" and not reader.has(own_heads):
        n_kv_heads = 2 * reader.required_integer(*N_KV_HEADS, most=MAX_HEADS)
        reader.assume(f"window layers have {n_kv_heads} K/V heads: rule of {family}")
        reader = reader.overlaid({own_heads: n_kv_heads})
    return reader


def require_own_widths(reader: ConfigReader, family: str) -> None:
    """Raise ValueError if a key is absent for which the family's code has a number of its own."""
    for name in OWN_WIDTHS.get(family, ()):
        is_per_layer = name == GLOBAL_HEADS[1] and reader.has("per_layer_config")
        if not (reader.has(name) or is_per_layer):
            raise ValueError(
                f"{reader.path}{name} must be given for model type {family}, whose code has a "
                "number of its own: got no such key"
            )


def is_latent(reader: ConfigReader) -> bool:
    """True if the layers are MLA: `kv_lora_rank` is given and not 0.

    Raises:
        ValueError: the rank is not a whole number, or `use_mla` is false although it is given.
    """
    rank = reader.integer("kv_lora_rank", most=MAX_RANK, least=0)
    if rank and reader.flag("use_mla") is False:
        raise ValueError(f"{reader.path}use_mla must be true if kv_lora_rank is given: got false")
    return bool(rank)


def has_head_width_key(reader: ConfigReader) -> bool:
    """True if the config states the head width (or is MLA, which needs none)."""
    return is_latent(reader) or any(map(reader.has, HEAD_DIM))


def has_kv_head_key(reader: ConfigReader) -> bool:
    """True if the config states the number of K/V heads (or is MLA, which has none)."""
    inner = reader.nested(ATTENTION_OBJECT)
    is_stated = any(reader.has(name) for name in (*N_KV_HEADS, *FLAGS, GROUP_NUM, "kv_lora_rank"))
    return is_stated or (inner is not None and any(map(inner.has, (*N_KV_HEADS, "attn_type"))))


def _n_kv_heads(reader: ConfigReader, n_heads: int) -> int:
    if reader.flag("multi_query") and not reader.flag("new_decoder_architecture"):
        # One K/V head unless another key differs; Falcon's num_kv_heads does not count.
        spellings = (name for name in (*N_KV_HEADS, GROUP_NUM) if name != "num_kv_heads")
        return reader.integer(*spellings, most=MAX_HEADS) or 1
    inner = reader.nested(ATTENTION_OBJECT)
    n_kv_heads = reader.integer(*N_KV_HEADS, most=MAX_HEADS)
    if n_kv_heads is None and inner is not None:
        n_kv_heads = _nested_kv_heads(inner, n_heads)
    if n_kv_heads is None and reader.flag("multi_query_attention") is not False:
        n_kv_heads = reader.integer(GROUP_NUM, most=MAX_HEADS)
        if n_kv_heads is None and reader.flag("multi_query_attention"):
            n_kv_heads = 1
    if n_kv_heads is None:
        reader.assume(f"n_kv_heads = n_heads = {n_heads}, since no key gives K/V heads")
    return n_kv_heads or n_heads


def _nested_kv_heads(inner: ConfigReader, n_heads: int) -> int | None:
    n_kv_heads = inner.integer(*N_KV_HEADS, most=MAX_HEADS)
    variant = ATTENTION_TYPES.get(inner.text("attn_type") or "")
    if n_kv_heads is None and variant is not None:
        return 1 if variant == "MQA" else n_heads
    return n_kv_heads


def _head_dim(reader: ConfigReader, n_heads: int) -> int:
    head_dim = reader.integer(*HEAD_DIM, most=MAX_HEAD_DIM)
    if head_dim is not None:
        return head_dim
    hidden_size = reader.required_integer(*HIDDEN_SIZE, most=MAX_DIM)
    if hidden_size % n_heads:
        raise ValueError(
            f"{reader.path}head_dim must be given if {HIDDEN_SIZE[0]} is not a multiple of the "
            f"heads: got {hidden_size} and {n_heads}"
        )
    reader.assume(f"head_dim = hidden size / heads = {hidden_size} / {n_heads}")
    return hidden_size // n_heads


def _v_head_dim(reader: ConfigReader) -> int | None:
    """The width of a value, or None if it is that of a key; configs write 0 where MLA is off."""
    return reader.integer("v_head_dim", most=MAX_HEAD_DIM, least=0) or None


def _latent(reader: ConfigReader, n_heads: int) -> LatentConfig:
    return LatentConfig(
        n_heads=n_heads,
        qk_nope_head_dim=_expanded_width(reader, "qk_nope_head_dim", n_heads),
        v_head_dim=_expanded_width(reader, "v_head_dim", n_heads),
        kv_lora_rank=reader.required_integer("kv_lora_rank", most=MAX_RANK),
        qk_rope_head_dim=_rotary_width(reader),
    )


def _rotary_width(reader: ConfigReader) -> int:
    """The width of the RoPE key, which a layer without rotary embedding states as 0."""
    width = reader.integer("qk_rope_head_dim", most=MAX_HEAD_DIM, least=0)
    if width is None:
        raise ValueError(f"{reader.path}qk_rope_head_dim must be given: got no such key")
    return width


def _with_window_latent(reader: ConfigReader) -> ConfigReader:
    """The reader with the latent of window layers, where they have one of their own."""
    own = {name: reader.value(f"swa_{name}") for name in LATENT if reader.has(f"swa_{name}")}
    if "kv_lora_rank" in own and "qk_rope_head_dim" not in own and reader.has("swa_head_dim"):
        width = reader.required_integer("swa_head_dim", most=MAX_HEAD_DIM)
        own["qk_rope_head_dim"] = width - (
            reader.integer("swa_qk_nope_head_dim", most=width, least=0) or 0
        )
    return reader.overlaid(own) if own else reader


def _expanded_width(reader: ConfigReader, name: str, n_heads: int) -> int:
    """A width of MLA's expanded heads, on which the cache does not depend."""
    width = reader.integer(name, most=MAX_HEAD_DIM)
    if width is None:
        width = _head_dim(reader, n_heads)
        reader.assume(f"{name} = head_dim, since no key gives it; the cache does not depend on it")
    return width
