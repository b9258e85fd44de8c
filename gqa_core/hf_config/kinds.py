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
    "FULL_WITH_STATE",
    "KEEP_STATE",
    "KIND_NAMES",
    "LINEAR",
    "RECURRENT",
    "SHARED",
    "STATE_SPACE",
    "WINDOW",
    "WINDOWED",
    "WINDOW_WITH_STATE",
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
    "full with state",
    "window with state",
]
FULL: LayerKind = "full"
WINDOW: LayerKind = "window"
CHUNK: LayerKind = "chunk"
SHARED: LayerKind = "shared"  # reads the cache of an earlier layer
LINEAR: LayerKind = "linear attention"
STATE_SPACE: LayerKind = "state-space"
CONVOLUTION: LayerKind = "convolution"
FEED_FORWARD: LayerKind = "feed-forward"
FULL_WITH_STATE: LayerKind = "full with state"  # attention and a recurrence in one layer
WINDOW_WITH_STATE: LayerKind = "window with state"
WINDOWED = (WINDOW, WINDOW_WITH_STATE)
CACHING = (FULL, WINDOW, CHUNK, FULL_WITH_STATE, WINDOW_WITH_STATE)
RECURRENT = (LINEAR, STATE_SPACE, CONVOLUTION)
KEEP_STATE = (*RECURRENT, FULL_WITH_STATE, WINDOW_WITH_STATE)
KIND_NAMES: Mapping[str | int, LayerKind] = {
    "full_attention": FULL,
    "global_attention": FULL,
    "attention": FULL,
    "full": FULL,
    "global": FULL,
    "sliding_attention": WINDOW,
    "sliding_window_attention": WINDOW,
    "local_attention": WINDOW,
    "sliding": WINDOW,
    "local": WINDOW,
    "indexed_attention": FULL,
    "deepseek_sparse_attention": FULL,
    "qwen_sparse_attention": FULL,
    "minimax_m3_sparse": FULL,
    "reference_sliding_attention": FULL,  # the prompt in full, and a window of generated tokens
    "hybrid": FULL_WITH_STATE,
    "hybrid_sliding": WINDOW_WITH_STATE,
    "chunked_attention": CHUNK,
    "linear_attention": LINEAR,
    "linear": LINEAR,
    "mamba": STATE_SPACE,
    "mamba2": STATE_SPACE,
    "recurrent": LINEAR,
    "conv": CONVOLUTION,
    "moe": FEED_FORWARD,
    "mlp": FEED_FORWARD,
}

COMPRESSED = "the number of compressed entries per token is not modelled"
NOT_MODELLED_KINDS = {  # of DeepSeek-V4
    "compressed_sparse_attention": COMPRESSED,
    "heavily_compressed_attention": COMPRESSED,
}


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
    if isinstance(entry, str) and entry in NOT_MODELLED_KINDS:
        raise ValueError(
            f"{path} has {entry}, which is not understood: {NOT_MODELLED_KINDS[entry]}"
        )
    known = ", ".join(map(str, kinds))
    raise ValueError(f"{path} must have entries from {known}: got {describe_value(entry)}")
