"""The kinds of layers, and helpers of the rules that give a kind to every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from gqa_core.strict_json import describe_value

__all__ = [
    "CACHING",
    "CHUNK",
    "CONVOLUTION",
    "FEED_FORWARD",
    "FULL",
    "LINEAR",
    "RECURRENT",
    "SHARED",
    "STATE_SPACE",
    "WINDOW",
    "LayerKind",
    "every_nth_full",
    "parse_kind",
    "require_length",
]

LayerKind = Literal[
    "full",
    "window",
    "chunk",
    "shared",
    "linear attention",
    "state-space",
    "convolution",
    "feed-forward",
]
FULL: LayerKind = "full"
WINDOW: LayerKind = "window"
CHUNK: LayerKind = "chunk"
SHARED: LayerKind = "shared"  # reads the cache of an earlier layer
LINEAR: LayerKind = "linear attention"
STATE_SPACE: LayerKind = "state-space"
CONVOLUTION: LayerKind = "convolution"
FEED_FORWARD: LayerKind = "feed-forward"
CACHING = (FULL, WINDOW, CHUNK)
RECURRENT = (LINEAR, STATE_SPACE, CONVOLUTION)


def every_nth_full(n_layers: int, nth: int, other_kind: LayerKind) -> list[LayerKind]:
    """The kinds of a model whose every n-th layer is full, counted from 1."""
    return [FULL if i % nth == 0 else other_kind for i in range(1, n_layers + 1)]


def require_length(path: str, entries: Sequence[object], n_layers: int) -> None:
    """Raise ValueError unless the list under a key has one entry per layer."""
    if len(entries) != n_layers:
        raise ValueError(
            f"{path} must have one entry for each of {n_layers} layers: got {len(entries)}"
        )


def parse_kind(path: str, kinds: Mapping[str | int, LayerKind], entry: object) -> LayerKind:
    """The kind that an entry of a list stands for.

    Raises:
        ValueError: the entry is not one of `kinds`; the sentence names the key by its path.
    """
    if isinstance(entry, (str, int)) and not isinstance(entry, bool) and entry in kinds:
        return kinds[entry]
    known = ", ".join(map(str, kinds))
    raise ValueError(f"{path} must have entries from {known}: got {describe_value(entry)}")
