"""Bytes of a KV cache, from the geometry alone.

A grouped layer stores, for every token, n_kv_heads keys of head_dim and as many values of
v_head_dim. A latent layer stores kv_lora_rank numbers and one rotary key of qk_rope_head_dim,
whatever the number of heads. The naive form of MLA caches every head's own K and V instead: that
is an MHA cache, and `LatentConfig.expanded` is the layer to pass here for it.

Counted: the cached elements and their scales. Not counted: weights, activations, page padding.
Everything is exact in Python integers.
Source: DeepSeek-V2 report (arXiv:2405.04434), Table 1.
"""

from __future__ import annotations

from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.theory.formats import number_format


def kv_elements_per_token(attention: AttentionConfig) -> int:
    """Elements one layer stores per token: k (d + v) for grouped, c + r for latent attention."""
    if isinstance(attention, GroupedConfig):
        return attention.n_kv_heads * (attention.head_dim + attention.v_head_dim)
    return attention.kv_lora_rank + attention.qk_rope_head_dim


def layer_bytes_per_token(attention: AttentionConfig, kv_format: str) -> int:
    """Bytes one layer stores per token, scales included; a latent is one vector of c + r.

    Raises:
        ValueError: the format is not known, or is for latent attention and the layer is not.
    """
    stored = number_format(kv_format)
    if isinstance(attention, GroupedConfig):
        if stored.rope_key_bits is not None:
            raise ValueError(f"kv_format {kv_format} is for MLA alone: got {attention.variant}")
        return stored.row_bytes(attention.head_dim, attention.n_kv_heads) + stored.row_bytes(
            attention.v_head_dim, attention.n_kv_heads
        )
    latent, rope_key = attention.kv_lora_rank, attention.qk_rope_head_dim
    if stored.rope_key_bits is None:
        return stored.row_bytes(latent + rope_key)
    return stored.row_bytes(latent) + rope_key * stored.rope_key_bits // 8


def kv_bytes_per_token(model: ModelConfig, kv_format: str) -> int:
    """Bytes all layers store for one token that every one of them still sees.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return sum(run.n_layers * layer_bytes_per_token(run.attention, kv_format) for run in model)


def kv_cache_bytes(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes stored in all: every layer, every sequence, a window layer's tokens up to its window.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return workload.batch_size * sum(
        run.n_layers
        * run.cached_tokens(workload.context_len)
        * layer_bytes_per_token(run.attention, kv_format)
        for run in model
    )


def kv_cache_bytes_as_allocated(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes an engine reserves that keeps one page size for all layers: windows save nothing.

    Every caching layer has slots for the whole context. Between this and `kv_cache_bytes` lies
    what an engine really takes.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    Source: alvarobartt/hf-mem, pull request 70.
    """
    return workload.batch_size * workload.context_len * kv_bytes_per_token(model, kv_format)


def kv_read_bytes(model: ModelConfig, workload: Workload, kv_format: str) -> int:
    """Bytes of cache one decode step must read: what is stored, each byte once.

    K/V heads shared by several queries are read once (an ideal kernel), and so is MLA's latent,
    which serves as K and as V.

    Raises:
        ValueError: as `layer_bytes_per_token`.
    """
    return kv_cache_bytes(model, workload, kv_format)


def reduction_vs_mha(attention: AttentionConfig) -> float:
    """How many times smaller the cache is than the same heads' MHA cache; dimensionless."""
    return kv_elements_per_token(attention.mha_baseline) / kv_elements_per_token(attention)


def tokens_to_fill(n_bytes: int, model: ModelConfig, batch_size: int, kv_format: str) -> int:
    """The context at which the cache first holds at least `n_bytes`, in tokens per sequence.

    Raises:
        ValueError: as `layer_bytes_per_token`, or a layer sees a window only, so that its cache
            stops growing.
    """
    if any(run.window is not None for run in model):
        raise ValueError("every layer must see the whole context: got one with a window")
    per_token = batch_size * kv_bytes_per_token(model, kv_format)
    return -(-n_bytes // per_token)
