"""Bytes of a KV cache, from the geometry of the model alone.

k K/V heads, d head_dim, v v_head_dim, c kv_lora_rank, r qk_rope_head_dim.

Per token, a grouped layer stores k keys of width d and k values of width v. A latent layer stores
a latent of width c and one RoPE key of width r, whatever the number of heads. The naive form of MLA
caches a K and a V per head instead, like MHA; pass `LatentConfig.expanded` for it.

Counted: cached elements and their scales. Not counted: weights, activations, page padding, and what
`theory.parts` adds: indexer keys, states, cross-attention. All results are exact integers.
Source: DeepSeek-V2 report (arXiv:2405.04434), Table 1.
"""

from __future__ import annotations

from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.theory.formats import key_value_formats, latent_format

__all__ = [
    "can_store",
    "kv_bytes_per_token",
    "kv_cache_bytes",
    "kv_cache_bytes_as_allocated",
    "kv_elements_per_token",
    "kv_read_bytes",
    "layer_bytes_per_token",
    "reduction_vs_mha",
    "tokens_to_fill",
]


def kv_elements_per_token(attention: AttentionConfig) -> int:
    """Elements that one layer stores per token: k (d + v) if grouped, c + r if latent."""
    if isinstance(attention, GroupedConfig):
        return attention.n_kv_heads * (attention.head_dim + attention.v_head_dim)
    return attention.kv_lora_rank + attention.qk_rope_head_dim


def layer_bytes_per_token(attention: AttentionConfig, kv_format: str) -> int:
    """Bytes that one layer stores per token, including scales; a latent is one vector of c + r.

    Raises:
        ValueError: the format is unknown, or does not exist for a layer of this kind and width.
    """
    if isinstance(attention, GroupedConfig):
        return sum(_grouped_bytes_per_token(attention, kv_format))
    latent, rope_key = attention.kv_lora_rank, attention.qk_rope_head_dim
    stored = latent_format(kv_format)
    stored.validate_latent(latent, rope_key)
    if stored.rope_key_bits is None:
        return stored.row_bytes(latent + rope_key)
    return stored.row_bytes(latent) + rope_key * stored.rope_key_bits // 8


def can_store(model: ModelConfig, kv_format: str) -> bool:
    """True if every layer of the model can keep its cache in this format."""
    try:
        kv_bytes_per_token(model, kv_format)
    except ValueError:
        return False
    return True


def kv_bytes_per_token(model: ModelConfig, kv_format: str) -> int:
    """Bytes that all layers together store for one token inside every window.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return sum(
        group.n_caches * layer_bytes_per_token(group.attention, kv_format) for group in model
    )


def kv_cache_bytes(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes of the whole cache: all layers and sequences, window layers up to their window.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return workload.batch_size * sum(
        group.n_caches
        * group.cached_tokens(workload.context_len)
        * layer_bytes_per_token(group.attention, kv_format)
        for group in model
    )


def kv_cache_bytes_as_allocated(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes that an engine with one page size for all layers reserves: windows save nothing.

    Every caching layer has slots for the whole context. A real engine usually takes between
    `kv_cache_bytes` and this.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    Source: alvarobartt/hf-mem, pull request 70.
    """
    return workload.batch_size * workload.context_len * kv_bytes_per_token(model, kv_format)


def kv_read_bytes(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes of cache that one decode step must read: every stored byte once.

    An ideal kernel reads a K/V head once for all the query heads that share it, and MLA's latent
    once as K and V.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return kv_cache_bytes(model, workload, kv_format)


def reduction_vs_mha(attention: AttentionConfig) -> float:
    """The MHA cache of the same heads divided by this cache: above 1 if this one is smaller."""
    return kv_elements_per_token(attention.mha_baseline) / kv_elements_per_token(attention)


def tokens_to_fill(n_bytes: int, model: ModelConfig, batch_size: int, kv_format: str) -> int:
    """The shortest context, in tokens per sequence, whose cache has at least `n_bytes`.

    Raises:
        ValueError: as `layer_bytes_per_token`, or a layer has a window, so its cache stops
            growing.
    """
    if any(group.window is not None for group in model):
        raise ValueError("every layer must see the whole context: got one with a window")
    per_token = batch_size * kv_bytes_per_token(model, kv_format)
    return -(-n_bytes // per_token)


def _grouped_bytes_per_token(attention: GroupedConfig, kv_format: str) -> tuple[int, int]:
    """Bytes of K and of V that one layer stores per token."""
    key_format, value_format = key_value_formats(kv_format)
    for stored in (key_format, value_format):
        if stored.rope_key_bits is not None:
            raise ValueError(f"kv_format {stored.name} is for MLA alone: got {attention.variant}")
    key_format.validate_width("head_dim", attention.head_dim)
    value_format.validate_width("v_head_dim", attention.v_head_dim)
    return (
        key_format.row_bytes(attention.head_dim, attention.n_kv_heads),
        value_format.row_bytes(attention.v_head_dim, attention.n_kv_heads),
    )
