"""Parses a Hugging Face config.json offline: what the model caches, and what that rests on.

A model is recognised by structure. Its name, path and architectures decide nothing, and its
`model_type` decides only the rules of a family: which layers have windows, and which widths must
be given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import MAX_CONTEXT_LEN, AttentionConfig, LayerGroup, ModelConfig
from gqa_core.hf_config import unknown_keys
from gqa_core.hf_config.grouping import group_layers
from gqa_core.hf_config.heads import full_attention, require_own_widths, window_attention
from gqa_core.hf_config.kinds import CACHING, WINDOW, LayerKind
from gqa_core.hf_config.layers import layer_kinds, window_len
from gqa_core.hf_config.params import estimated_params
from gqa_core.hf_config.reader import ConfigReader, text_model
from gqa_core.strict_json import parse_object

__all__ = ["MAX_BYTES", "ParsedConfig", "parse_config"]

MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedConfig:
    """A model as its config describes it, and which keys that description used.

    `layer_kinds` has one entry per layer, first to last, and `group_kinds` one per group of the
    model: layers of one kind may differ. `estimated_params` and `estimated_weight_bytes` are None
    if the config leaves a part open; `weight_format` is what most weights are stored in.
    """

    model: ModelConfig
    layer_kinds: tuple[LayerKind, ...]
    group_kinds: tuple[LayerKind, ...]
    max_context_len: int | None
    estimated_params: int | None
    used_keys: tuple[str, ...]
    assumptions: tuple[str, ...]
    ignored_keys: tuple[str, ...]
    not_counted: tuple[str, ...]
    estimated_weight_bytes: int | None = None
    weight_format: str | None = None

    @property
    def layers(self) -> tuple[tuple[LayerKind, int, LayerGroup | None], ...]:
        """Kind, number and group of all layers, by kind as it first appears; None if cacheless."""
        groups = list(zip(self.group_kinds, self.model.layer_groups, strict=True))
        entries: list[tuple[LayerKind, int, LayerGroup | None]] = []
        for kind in dict.fromkeys(self.layer_kinds):
            if kind in CACHING:
                entries += [(kind, group.n_layers, group) for name, group in groups if name == kind]
            else:
                entries.append((kind, self.layer_kinds.count(kind), None))
        return tuple(entries)

    def assumptions_for(self, context_len: int) -> tuple[str, ...]:
        """The assumptions, and one more if the context exceeds the config's own maximum."""
        most = self.max_context_len
        if most is None or context_len <= most:
            return self.assumptions
        too_long = (
            f"context {context_len} is beyond the config's own maximum of {most}: "
            "computed in full all the same"
        )
        return (*self.assumptions, too_long)


def parse_config(text: str | bytes) -> ParsedConfig:
    """The model that the text of a config.json describes.

    Raises:
        ValueError: the text is not JSON or too large, a key is missing, of another type or out of
            bounds, or an unknown key could change the cache; the sentence names the key.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise ValueError(f"config must be at most {MAX_BYTES} bytes: got {len(raw)}")
    config = parse_object(raw, "config", finite=False)
    reader = text_model(config)
    model_type = reader.text("model_type") or ConfigReader(config).text("model_type") or ""
    family = model_type.removesuffix("_text")
    kinds = layer_kinds(reader, family)
    unknown_keys.reject_unknown_keys(reader, kinds)
    require_own_widths(reader, family)
    groups, group_kinds = _layer_groups(reader, kinds)
    n_caching_layers = sum(group.n_layers for group in groups)
    model = ModelConfig(
        layer_groups=groups, n_cacheless_layers=len(kinds) - n_caching_layers, family=family
    )
    max_context_len = _max_context_len(reader)
    not_counted = unknown_keys.not_counted(reader, kinds)
    return ParsedConfig(
        model=model,
        layer_kinds=tuple(kinds),
        group_kinds=group_kinds,
        max_context_len=max_context_len,
        estimated_params=_estimated_params(reader, model),
        used_keys=tuple(reader.used),
        assumptions=tuple(reader.assumptions),
        ignored_keys=tuple(unknown_keys.ignored_keys(reader)),
        not_counted=tuple(not_counted),
    )


def _layer_groups(
    reader: ConfigReader, kinds: Sequence[LayerKind]
) -> tuple[tuple[LayerGroup, ...], tuple[LayerKind, ...]]:
    """The groups of identical caching layers, and the kind of each."""
    by_kind = {
        kind: (
            kind,
            _attention(reader, kind, has_window_layers=WINDOW in kinds),
            window_len(reader, kind),
            1,
        )
        for kind in dict.fromkeys(kinds)
        if kind in CACHING
    }
    return group_layers(by_kind[kind] for kind in kinds if kind in CACHING)


def _attention(
    reader: ConfigReader, kind: LayerKind, *, has_window_layers: bool
) -> AttentionConfig:
    if kind == WINDOW:
        return window_attention(reader)
    return full_attention(reader, has_window_layers=has_window_layers)


def _estimated_params(reader: ConfigReader, model: ModelConfig) -> int | None:
    """None also for a model with layers that cache nothing: their matrices are not known here."""
    if model.n_cacheless_layers:
        return None
    n_layers_by_attention: Counter[AttentionConfig] = Counter()
    for group in model:
        n_layers_by_attention[group.attention] += group.n_layers
    return estimated_params(reader, n_layers_by_attention)


def _max_context_len(reader: ConfigReader) -> int | None:
    for name in unknown_keys.MAX_CONTEXT_LEN_KEYS:
        if reader.has(name):
            return reader.integer(name, most=MAX_CONTEXT_LEN)
    return None
