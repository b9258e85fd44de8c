"""The caching layers of a model, one entry each: kind, heads, window and number of caches."""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.hf_config.grouping import CachingLayer
from gqa_core.hf_config.heads import full_attention, window_attention
from gqa_core.hf_config.kinds import CACHING, WINDOWED, LayerKind
from gqa_core.hf_config.layers import window_len
from gqa_core.hf_config.passes import with_passes
from gqa_core.hf_config.per_layer import layer_readers
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["caching_layers"]


def caching_layers(
    reader: ConfigReader,
    kinds: Sequence[LayerKind],
    next_token: Sequence[LayerKind],
    family: str,
) -> list[CachingLayer]:
    """The layers that cache, first to last, then those that predict further tokens.

    Raises:
        ValueError: a number that the heads or windows need is missing or out of bounds.
    """
    has_windows = bool(set(WINDOWED) & set(kinds))
    described: dict[tuple[int, LayerKind], CachingLayer] = {}
    layers: list[CachingLayer] = []
    readers = layer_readers(reader, kinds) + [reader] * len(next_token)
    for layer_reader, kind in zip(readers, (*kinds, *next_token), strict=True):
        if kind not in CACHING:
            continue
        key = id(layer_reader), kind  # layers share a reader unless their numbers differ
        if key not in described:
            described[key] = _described(layer_reader, kind, family, has_windows=has_windows)
        layers.append(described[key])
    return with_passes(reader, layers, family)


def _described(
    reader: ConfigReader, kind: LayerKind, family: str, *, has_windows: bool
) -> CachingLayer:
    window = window_len(reader, kind, family)
    if kind in WINDOWED:
        return kind, window_attention(reader), window, 1
    return kind, full_attention(reader, has_window_layers=has_windows), window, 1
