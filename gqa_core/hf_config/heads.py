"""What one caching layer keeps, from the keys that speak of heads.

Recognised by structure: kv_lora_rank makes it MLA, a number of K/V heads in any spelling makes it
grouped, and no such number at all means a K and a V for every head. Window layers may have heads
of their own (`swa_*`), and so may the layers beside them that see everything (`*global_*`).
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
from gqa_core.hf_config.keys import Keys

N_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
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
GLOBAL_HEADS = ("num_global_key_value_heads", "global_head_dim")
OWN_WIDTHS = {  # families whose heads are not hidden / heads wide, though the key may be absent
    "gemma": ("head_dim",),
    "gemma2": ("head_dim",),
    "gemma3": ("head_dim",),
    "gemma3n": ("head_dim",),
    "gemma4": ("head_dim", "global_head_dim"),
    "vaultgemma": ("head_dim",),
}


def full_attention(keys: Keys, beside_windows: bool) -> AttentionConfig:
    """The layer that sees the whole context; `beside_windows` says that others do not.

    Raises:
        ValueError: a number is missing, odd, or out of bounds.
    """
    n_heads = keys.required(*N_HEADS, most=MAX_HEADS)
    if is_latent(keys):
        return _latent(keys, n_heads)
    n_kv_heads, head_dim, v_head_dim = _kv_heads(keys, n_heads), None, None
    if beside_windows:
        n_kv_heads = keys.integer(GLOBAL_HEADS[0], most=MAX_HEADS) or n_kv_heads
        head_dim = v_head_dim = keys.integer(GLOBAL_HEADS[1], most=MAX_HEAD_DIM)
    if head_dim is None:
        head_dim, v_head_dim = _head_dim(keys, n_heads), _v_head_dim(keys)
    return GroupedConfig(
        n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, v_head_dim=v_head_dim
    )


def window_attention(keys: Keys) -> AttentionConfig:
    """The layer that sees a window: its own heads and widths where given, else the model's.

    Raises:
        ValueError: as `full_attention`.
    """
    heads, kv_heads, width, v_width = WINDOW_HEADS
    n_heads = keys.integer(heads, most=MAX_HEADS) or keys.required(*N_HEADS, most=MAX_HEADS)
    if is_latent(keys):
        return _latent(keys, n_heads)
    n_kv_heads = keys.integer(kv_heads, most=MAX_HEADS) or _kv_heads(keys, n_heads)
    own_width = keys.integer(width, most=MAX_HEAD_DIM)
    return GroupedConfig(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=own_width or _head_dim(keys, n_heads),
        v_head_dim=keys.integer(v_width, most=MAX_HEAD_DIM) or _v_head_dim(keys),
    )


def require_widths(keys: Keys, family: str) -> None:
    """Nothing, if the widths are given that this family does not derive from the hidden size.

    Raises:
        ValueError: one is not: what would be derived is wrong for it.
    """
    for name in OWN_WIDTHS.get(family, ()):
        if not keys.has(name):
            raise ValueError(
                f"{keys.path}{name} must be given for model type {family}, which does not derive "
                "it from the hidden size: got no such key"
            )


def is_latent(keys: Keys) -> bool:
    """Whether the layers are MLA: a rank of the latent is given.

    Raises:
        ValueError: it is no whole number, or another key says that MLA is off.
    """
    rank = keys.integer("kv_lora_rank", most=MAX_RANK, least=0)
    if rank and keys.flag("use_mla") is False:
        raise ValueError(f"{keys.path}use_mla must be true beside kv_lora_rank: got false")
    return bool(rank)


def names_width(keys: Keys) -> bool:
    """Whether any key says how wide a key is, or none has to."""
    return is_latent(keys) or any(map(keys.has, HEAD_DIM))


def names_kv_heads(keys: Keys) -> bool:
    """Whether any key says how many K/V heads there are, or that there are none."""
    inner = keys.inside(ATTENTION_OBJECT)
    named = any(keys.has(name) for name in (*N_KV_HEADS, *FLAGS, GROUP_NUM, "kv_lora_rank"))
    return named or (inner is not None and any(map(inner.has, (*N_KV_HEADS, "attn_type"))))


def _kv_heads(keys: Keys, n_heads: int) -> int:
    if keys.flag("multi_query") and not keys.flag("new_decoder_architecture"):
        # One head unless the usual spelling says otherwise; Falcon's num_kv_heads does not count.
        return keys.integer(N_KV_HEADS[0], most=MAX_HEADS) or 1
    inner = keys.inside(ATTENTION_OBJECT)
    found = keys.integer(*N_KV_HEADS, most=MAX_HEADS)
    if found is None and inner is not None:
        found = _inner_kv_heads(inner, n_heads)
    if found is None and keys.flag("multi_query_attention") is not False:
        found = keys.integer(GROUP_NUM, most=MAX_HEADS)
        if found is None and keys.flag("multi_query_attention"):
            found = 1
    if found is None:
        keys.assume(f"n_kv_heads = n_heads = {n_heads}, since no key names K/V heads")
    return found or n_heads


def _inner_kv_heads(inner: Keys, n_heads: int) -> int | None:
    found = inner.integer(*N_KV_HEADS, most=MAX_HEADS)
    kind = ATTENTION_TYPES.get(inner.text("attn_type") or "")
    if found is None and kind is not None:
        return 1 if kind == "MQA" else n_heads
    return found


def _head_dim(keys: Keys, n_heads: int) -> int:
    given = keys.integer(*HEAD_DIM, most=MAX_HEAD_DIM)
    if given is not None:
        return given
    hidden_size = keys.required(*HIDDEN_SIZE, most=MAX_DIM)
    if hidden_size % n_heads:
        raise ValueError(
            f"{keys.path}head_dim must be given where {HIDDEN_SIZE[0]} is no multiple of the "
            f"heads: got {hidden_size} and {n_heads}"
        )
    keys.assume(f"head_dim = hidden size / heads = {hidden_size} / {n_heads}")
    return hidden_size // n_heads


def _v_head_dim(keys: Keys) -> int | None:
    """The width of a value where it is not a key's; 0 is how configs say that MLA is off."""
    return keys.integer("v_head_dim", most=MAX_HEAD_DIM, least=0) or None


def _latent(keys: Keys, n_heads: int) -> LatentConfig:
    widths = {}
    for name in ("qk_nope_head_dim", "v_head_dim"):
        widths[name] = keys.integer(name, most=MAX_HEAD_DIM)
        if widths[name] is None:
            widths[name] = _head_dim(keys, n_heads)
            keys.assume(
                f"{name} = head_dim, since no key gives it; the cache does not depend on it"
            )
    return LatentConfig(
        n_heads=n_heads,
        kv_lora_rank=keys.required("kv_lora_rank", most=MAX_RANK),
        qk_rope_head_dim=keys.required("qk_rope_head_dim", most=MAX_HEAD_DIM),
        **widths,
    )
