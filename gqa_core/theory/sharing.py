"""The parts that a layer caches, and the query heads that read each part.

A grouped layer caches n_kv_heads parts, a K and a V each, that consecutive query heads share: query
head i reads K/V head i // q_per_kv. A latent layer caches two parts, the latent and the RoPE key,
and every query head reads both. A step reads each part once.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.formats import latent_format
from gqa_core.theory.memory import layer_bytes_per_token

__all__ = ["CachedPart", "cached_parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPart:
    """One part of a layer's cache: its size per token, and the query heads that read it.

    `bytes_per_token` may be fractional, if K/V heads share the scale of a block. `read_share` is
    the fraction of the bytes of this layer's cache that a step reads for it, from 0 to 1.
    """

    name: str
    query_heads: range
    elements_per_token: int
    bytes_per_token: float
    read_share: float


def cached_parts(attention: AttentionConfig, kv_format: str = "bf16") -> tuple[CachedPart, ...]:
    """The parts that one layer caches, in order; their bytes add up to the layer's.

    Raises:
        ValueError: the format is unknown, or is for MLA only and the layer is not MLA.
    """
    total = layer_bytes_per_token(attention, kv_format)
    heads = range(attention.n_heads)
    if isinstance(attention, GroupedConfig):
        q_per_kv, width = attention.q_per_kv, attention.head_dim + attention.v_head_dim
        bytes_per_head = total / attention.n_kv_heads
        parts = [
            (f"K/V head {index}", heads[first : first + q_per_kv], width, bytes_per_head)
            for index, first in enumerate(range(0, attention.n_heads, q_per_kv))
        ]
    else:
        latent, rope_key = attention.kv_lora_rank, attention.qk_rope_head_dim
        rope_bits = latent_format(kv_format).rope_key_bits
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
