"""Who reads what: the parts a layer caches, and the query heads that read each.

A grouped layer caches n_kv_heads parts, one K and one V each, and consecutive query heads share
them: query head i reads K/V head i // q_per_kv. A latent layer caches two parts, the latent and
the RoPE key, and every query head reads both. A step reads each part once, so a part's share of
the read is its share of the cached elements.
"""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.formats import bytes_per_element
from gqa_core.theory.memory import kv_elements_per_token


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPart:
    """One thing that a layer caches: elements per token, the query heads that read it, its share.

    `read_share` is its part of all bytes one step reads from this layer's cache.
    """

    name: str
    query_heads: range
    elements_per_token: int
    read_share: float

    def bytes_per_token(self, kv_format: str) -> int:
        """Bytes of this part for one token in one layer.

        Raises:
            ValueError: the format is not known.
        """
        return self.elements_per_token * bytes_per_element(kv_format)


def cached_parts(attention: AttentionConfig) -> tuple[CachedPart, ...]:
    """The parts one layer caches, in order; their elements add up to kv_elements_per_token."""
    heads = range(attention.n_heads)
    if isinstance(attention, GroupedConfig):
        per, width = attention.q_per_kv, attention.head_dim + attention.v_head_dim
        parts = [
            (f"K/V head {index}", heads[index * per : (index + 1) * per], width)
            for index in range(attention.n_kv_heads)
        ]
    else:
        parts = [
            ("latent", heads, attention.kv_lora_rank),
            ("RoPE key", heads, attention.qk_rope_head_dim),
        ]
    total = kv_elements_per_token(attention)
    return tuple(
        CachedPart(
            name=name,
            query_heads=readers,
            elements_per_token=elements,
            read_share=elements / total,
        )
        for name, readers, elements in parts
    )
