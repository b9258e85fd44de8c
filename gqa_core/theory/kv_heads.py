"""A model with another number of K/V heads, or with a latent in their place.

Windows, states and the query heads stay. Layers whose query heads the new number does not divide
get the greatest common divisor. Keys of a sparse indexer stay with the model's own attention alone.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from gqa_core.configs import (
    AttentionConfig,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    default_mla_for,
)

__all__ = ["main_attention", "main_group", "with_kv_heads", "with_latent"]


def main_attention(model: ModelConfig) -> AttentionConfig | None:
    """The attention that represents a model: that of its largest group of GQA or MLA layers.

    Groups of MHA and MQA count only if there are no others. None if no layer caches tokens.
    """
    group = main_group(model)
    return group.attention if group else None


def main_group(model: ModelConfig) -> LayerGroup | None:
    """The layers that represent a model, as for `main_attention`."""

    def priority(group: LayerGroup) -> tuple[bool, int]:
        return group.attention.variant in ("GQA", "MLA"), group.n_layers

    return max(model, key=priority, default=None)


def with_kv_heads(model: ModelConfig, n_kv_heads: int) -> ModelConfig:
    """The model with this number of K/V heads; the model itself if it is its own number.

    Raises:
        ValueError: the number is out of bounds.
    """
    if getattr(main_attention(model), "n_kv_heads", None) == n_kv_heads:
        return model

    def grouped(attention: AttentionConfig) -> AttentionConfig:
        mha = attention.mha_baseline
        return replace(mha, n_kv_heads=gcd(mha.n_heads, n_kv_heads))

    return replace(model, indexers=()).map_attention(grouped)


def with_latent(model: ModelConfig, kv_lora_rank: int) -> ModelConfig:
    """The model with MLA of this rank; the model itself if it is its own rank.

    Layers that are not MLA get DeepSeek-V2's proportions besides the rank.

    Raises:
        ValueError: the rank is out of bounds.
    """
    own = main_attention(model)
    if isinstance(own, LatentConfig) and own.kv_lora_rank == kv_lora_rank:
        return model

    def latent(attention: AttentionConfig) -> AttentionConfig:
        if isinstance(attention, LatentConfig):
            return replace(attention, kv_lora_rank=kv_lora_rank)
        mha = attention.mha_baseline
        return default_mla_for(mha.n_heads, mha.head_dim, kv_lora_rank=kv_lora_rank)

    unmapped = model if isinstance(own, LatentConfig) else replace(model, indexers=())
    return unmapped.map_attention(latent)
