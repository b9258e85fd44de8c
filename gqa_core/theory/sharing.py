"""Who reads what: the parts a layer caches, and the query heads that read each.

A grouped layer caches n_kv_heads parts, one K and one V each, and consecutive query heads share
them: query head i reads K/V head i // q_per_kv. A latent layer caches two parts, the latent and
the RoPE key, and every query head reads both. A step reads each part once, so a part's share of
the read is its share of the cached elements.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.formats import number_format
from gqa_core.theory.memory import layer_bytes_per_token


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPart:
    """One thing that a layer caches: what it stores per token, and the query heads that read it.

    `bytes_per_token` is a fraction where K/V heads share a block's scale. `read_share` is its part
    of all bytes one step reads from this layer's cache.
    """

    name: str
    query_heads: range
    elements_per_token: int
    bytes_per_token: float
    read_share: float


def cached_parts(attention: AttentionConfig, kv_format: str = "bf16") -> tuple[CachedPart, ...]:
    """The parts one layer caches, in order; together they are what the layer stores.

    Raises:
        ValueError: the format is not known, or is for latent attention and the layer is not.
    """
    total = layer_bytes_per_token(attention, kv_format)
    heads = range(attention.n_heads)
    if isinstance(attention, GroupedConfig):
        count, per = attention.n_kv_heads, attention.q_per_kv
        width = attention.head_dim + attention.v_head_dim
        parts = [
            (f"K/V head {index}", heads[index * per : (index + 1) * per], width, total / count)
            for index in range(count)
        ]
    else:
        latent, rope_key = attention.kv_lora_rank, attention.qk_rope_head_dim
        rope_bits = number_format(kv_format).rope_key_bits
        share = rope_key / (latent + rope_key)
        rope_bytes = rope_key * rope_bits / 8 if rope_bits else total * share
        parts = [
            ("latent", heads, latent, total - rope_bytes),
            ("RoPE key", heads, rope_key, rope_bytes),
        ]
    return tuple(
        CachedPart(
            name=name,
            query_heads=readers,
            elements_per_token=elements,
            bytes_per_token=n_bytes,
            read_share=n_bytes / total,
        )
        for name, readers, elements, n_bytes in parts
    )
