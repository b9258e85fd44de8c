"""Groups the layers of a model, which may all differ, into groups of identical ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gqa_core.configs import AttentionConfig, LayerGroup
from gqa_core.hf_config.kinds import CACHING, LayerKind

__all__ = ["CachingLayer", "group_layers"]

# A caching layer: its kind, its attention, the tokens it sees (None for all), and its caches.
CachingLayer = tuple[LayerKind, AttentionConfig, int | None, int]


def group_layers(
    layers: Iterable[CachingLayer],
) -> tuple[tuple[LayerGroup, ...], tuple[LayerKind, ...]]:
    """The groups of identical layers in order of first appearance, and the kind of each group.

    Raises:
        ValueError: a kind caches no tokens, or a number is out of bounds.
    """
    counts = Counter(layers)  # keeps the order of first appearance
    for kind, *_ in counts:
        if kind not in CACHING:
            raise ValueError(f"kind must be one of {', '.join(CACHING)}: got {kind!r}")
    groups = tuple(
        LayerGroup(attention=attention, n_layers=count, window=window, caches_per_layer=n_caches)
        for (_, attention, window, n_caches), count in counts.items()
    )
    return groups, tuple(kind for kind, *_ in counts)
