"""A Hugging Face config.json, read offline: what its model caches, and what that rests on.

Nothing is looked up by name: the model's name, path and architectures choose nothing, and its type
chooses a family's window rule and nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from gqa_core.configs import MAX_CONTEXT_LEN, AttentionConfig, LayerGroup, ModelConfig
from gqa_core.hf_config import layers
from gqa_core.hf_config.heads import full_attention, require_widths, window_attention
from gqa_core.hf_config.keys import Keys, text_model
from gqa_core.hf_config.params import estimated_params
from gqa_core.hf_config.unknown import (
    MAX_CONTEXT_LEN_KEYS,
    ignored,
    not_counted,
    refuse_unknown,
)
from gqa_core.strict_json import parse_object

MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeLayers:
    """`count` layers alike; `attention` is None where they cache no tokens of their own."""

    count: int
    kind: str
    attention: AttentionConfig | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConfig:
    """What a config says, and what of it was used, taken for granted, ignored, or not counted.

    `model` holds the layers that cache; `layers` all of them, by kind, in order of appearance.
    `estimated_params` is None where the config leaves a part open.
    """

    layers: tuple[AlikeLayers, ...]
    max_context_len: int | None
    estimated_params: int | None
    used_keys: tuple[str, ...]
    assumptions: tuple[str, ...]
    ignored_keys: tuple[str, ...]
    not_counted: tuple[str, ...]

    @property
    def n_layers(self) -> int:
        """Layers of the model, those that cache nothing included."""
        return sum(alike.count for alike in self.layers)

    @property
    def model(self) -> ModelConfig:
        """The layers that cache tokens."""
        return ModelConfig(
            layer_groups=tuple(
                LayerGroup(attention=alike.attention, n_layers=alike.count, window=alike.window)
                for alike in self.layers
                if alike.attention is not None
            )
        )

    @property
    def attention(self) -> AttentionConfig | None:
        """The layer that all layers are like, or None where they differ."""
        return self.layers[0].attention if len(self.layers) == 1 else None

    def assumptions_at(self, context_len: int) -> tuple[str, ...]:
        """The assumptions, and one more where the context is beyond the config's own maximum."""
        most = self.max_context_len
        if most is None or context_len <= most:
            return self.assumptions
        beyond = f"context {context_len} is beyond the config's own maximum of {most}: in full here"
        return (*self.assumptions, beyond)


def read_config(text: str | bytes) -> ReadConfig:
    """What a config.json says of its model's cache.

    Raises:
        ValueError: it is not JSON of reasonable size, a key is missing, odd or out of bounds, or
            an unknown key could change the cache; the sentence names the key.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise ValueError(f"config must be at most {MAX_BYTES} bytes: got {len(raw)}")
    config = parse_object(raw, "config", finite=False)
    keys = text_model(config)
    family = (keys.text("model_type") or Keys(config).text("model_type") or "").removesuffix(
        "_text"
    )
    kinds = layers.layer_kinds(keys, family)
    refuse_unknown(keys, kinds)
    require_widths(keys, family)
    found = tuple(_alike(keys, kind, kinds) for kind, _ in groupby(sorted(kinds, key=kinds.index)))
    max_context_len = _max_context_len(keys)
    left_out = not_counted(keys, kinds)
    return ReadConfig(
        layers=found,
        max_context_len=max_context_len,
        estimated_params=_params(keys, found),
        used_keys=tuple(keys.used),
        assumptions=tuple(keys.assumptions),
        ignored_keys=tuple(ignored(keys)),
        not_counted=tuple(left_out),
    )


def _alike(keys: Keys, kind: str, kinds: list[str]) -> AlikeLayers:
    count = kinds.count(kind)
    if kind not in layers.CACHING:
        return AlikeLayers(count=count, kind=kind)
    if kind == layers.WINDOW:
        attention = window_attention(keys)
    else:
        attention = full_attention(keys, beside_windows=layers.WINDOW in kinds)
    return AlikeLayers(
        count=count, kind=kind, attention=attention, window=layers.window_of(keys, kind)
    )


def _params(keys: Keys, found: tuple[AlikeLayers, ...]) -> int | None:
    if any(alike.attention is None for alike in found):
        return None
    counts: Counter[AttentionConfig] = Counter()
    for alike in found:
        counts[alike.attention] += alike.count
    return estimated_params(keys, counts)


def _max_context_len(keys: Keys) -> int | None:
    for name in MAX_CONTEXT_LEN_KEYS:
        if keys.has(name):
            return keys.integer(name, most=MAX_CONTEXT_LEN)
    return None
