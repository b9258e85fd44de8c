"""Counts of published models by their ratio of sharing, from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.catalog.models import models
from gqa_core.configs import Variant
from gqa_core.theory.kv_heads import main_attention

__all__ = ["RatioCount", "published_ratios"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioCount:
    """Published models with one ratio; `ratio` is None for MQA, of any number of heads, and MLA."""

    variant: Variant
    ratio: int | None
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """The variant, or the ratio of GQA: "MHA", "4:1"."""
        return f"{self.ratio}:1" if self.variant == "GQA" else self.variant


def published_ratios() -> tuple[RatioCount, ...]:
    """MHA, then GQA by its ratio, then MQA and MLA; models without K and V are left out.

    A model counts with the layers that represent it.
    """
    by_ratio: dict[tuple[Variant, int | None], list[str]] = {}
    for known in models():
        attention = main_attention(known.config)
        if attention is not None:
            variant = attention.variant
            ratio = getattr(attention, "q_per_kv", None) if variant == "GQA" else None
            by_ratio.setdefault((variant, ratio), []).append(known.name)
    order = ("MHA", "GQA", "MQA", "MLA")
    return tuple(
        RatioCount(variant=variant, ratio=ratio, names=tuple(names))
        for (variant, ratio), names in sorted(
            by_ratio.items(), key=lambda item: (order.index(item[0][0]), item[0][1] or 0)
        )
    )
