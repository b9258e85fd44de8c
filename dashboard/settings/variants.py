"""The rows that every page compares: MHA, GQA as the slider says, MQA, MLA; equal ones once."""

from __future__ import annotations

from collections.abc import Mapping

from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig, default_mla_for

LABELS = ("MHA", "GQA", "MQA", "MLA", "MLA naive")  # of measured rows, in the order of every page


def variants(n_heads: int, n_kv_heads: int, head_dim: int) -> Mapping[str, AttentionConfig]:
    """Layers by variant name, in the lecture's order; GQA is absent where it is MHA or MQA.

    Raises:
        ValueError: a number out of bounds, or n_kv_heads does not divide n_heads.
    """
    rows: list[AttentionConfig] = [
        GroupedConfig(n_heads=n_heads, n_kv_heads=count, head_dim=head_dim)
        for count in (n_heads, n_kv_heads, 1)
    ]
    rows.append(default_mla_for(n_heads, head_dim))
    return {attention.variant: attention for attention in rows}


def describe_merged_rows(n_heads: int, n_kv_heads: int) -> str | None:
    """A sentence about equal variants, or None if MHA, GQA and MQA all differ."""
    if n_heads == n_kv_heads == 1:
        return "One head with one K/V head: MHA, GQA and MQA are the same."
    if n_kv_heads == n_heads:
        return f"GQA with {n_kv_heads} K/V heads for {n_heads} query heads is MHA: the same layer."
    if n_kv_heads == 1:
        return "GQA with one K/V head is MQA: the same layer."
    return None


def describe_latent(attention: LatentConfig) -> str:
    """The vectors that MLA caches per token: "latent of 512 and a RoPE key of 64"."""
    return f"latent of {attention.kv_lora_rank} and a RoPE key of {attention.qk_rope_head_dim}"


def describe_cache(attention: AttentionConfig) -> str:
    """A phrase for what one layer caches per token."""
    if not isinstance(attention, GroupedConfig):
        return f"a latent of {attention.kv_lora_rank} and one RoPE key"
    n, shared = attention.n_kv_heads, attention.q_per_kv
    heads = "1 K/V head" if n == 1 else f"{n} K/V heads"
    if shared == 1:
        return f"{heads}, one for each query head"
    return f"{heads}, shared by all {shared}" if n == 1 else f"{heads}, each shared by {shared}"
