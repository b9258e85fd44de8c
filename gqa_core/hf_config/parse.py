"""Parses a Hugging Face config.json offline: what the model keeps, and what that rests on.

A model is recognised by structure. Its name, path and architectures decide nothing, and its
`model_type` decides only the rules of a family: which layers have windows, which widths must be
given, and how often a layer caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    CrossAttention,
    LayerGroup,
    ModelConfig,
)
from gqa_core.hf_config import unknown_keys
from gqa_core.hf_config.cache_hint import kv_format_hint
from gqa_core.hf_config.caching_layers import caching_layers
from gqa_core.hf_config.encoders import decoder_reader, refuse_encoder, source_len
from gqa_core.hf_config.grouping import group_layers
from gqa_core.hf_config.heads import require_own_widths, with_family_widths
from gqa_core.hf_config.indexers import indexer_keys
from gqa_core.hf_config.kinds import CACHING, LayerKind
from gqa_core.hf_config.layers import layer_kinds, unplaced_window
from gqa_core.hf_config.next_token import next_token_kinds, next_token_sentences
from gqa_core.hf_config.params import count_parameters
from gqa_core.hf_config.per_layer import without_attention
from gqa_core.hf_config.reader import ConfigReader, text_model
from gqa_core.hf_config.states import recurrent_states, with_state_kinds
from gqa_core.hf_config.weights import estimated_weights
from gqa_core.strict_json import parse_object
from gqa_core.theory.memory import kv_bytes_per_token

__all__ = ["MAX_BYTES", "ParsedConfig", "parse_config"]

MAX_BYTES = 2**24
MAX_KEYS = 2**17  # a file may say per module how it is quantised


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedConfig:
    """A model as its config describes it, and which keys that description used.

    `layer_kinds` has one entry per layer, first to last, and `group_kinds` one per group of the
    model: layers of one kind may differ. `kv_format_hint` is the cache format that the file asks
    for, None for none. `estimated_params` and `estimated_weight_bytes` are None if the config
    leaves a part open; `weight_format` is the format that most weights are stored in.
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
    embedding_params: int | None = None
    weight_format: str | None = None
    kv_format_hint: str | None = None

    @property
    def layers(self) -> tuple[tuple[LayerKind, int, LayerGroup | None], ...]:
        """Kind, number and group of all layers, by kind as it first appears; None if cacheless."""
        groups = list(zip(self.group_kinds, self.model.layer_groups, strict=True))
        entries: list[tuple[LayerKind, int, LayerGroup | None]] = []
        for kind in dict.fromkeys((*self.layer_kinds, *self.group_kinds)):
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


def parse_config(text: str | bytes, *, mtp: bool = False) -> ParsedConfig:
    """The model that the text of a config.json describes; `mtp` counts next-token layers too.

    Raises:
        ValueError: the text is not JSON or too large, a key is missing, of another type or out of
            bounds, or an unknown key could change the cache; the sentence names the key.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise ValueError(f"config must be at most {MAX_BYTES} bytes: got {len(raw)}")
    top = ConfigReader(parse_object(raw, "config", finite=False, max_keys=MAX_KEYS))
    decoder = decoder_reader(top)
    reader = decoder or text_model(top)
    model_type = reader.text("model_type") or top.text("model_type") or ""
    family = model_type.removesuffix("_text")
    if decoder is None:
        refuse_encoder(reader, family)
    reader = with_family_widths(reader, family)
    return _parse_model(reader, top, family, mtp=mtp, is_decoder=decoder is not None)


def _parse_model(
    reader: ConfigReader, top: ConfigReader, family: str, *, mtp: bool, is_decoder: bool
) -> ParsedConfig:
    kinds = without_attention(reader, layer_kinds(reader, family))
    kinds = with_state_kinds(reader, kinds, family)
    unknown_keys.reject_unknown_keys(reader, kinds, family)
    if reader.path and not is_decoder:
        unknown_keys.reject_outer_keys(top)
    require_own_widths(reader, family)
    next_token = next_token_kinds(reader)
    counted = next_token if mtp else []
    groups, group_kinds = group_layers(caching_layers(reader, kinds, counted, family))
    indexers, unknown_indexers = indexer_keys(reader, kinds, counted, family)
    states, unknown_states = recurrent_states(reader, top, kinds, family)
    model = ModelConfig(
        layer_groups=groups,
        n_cacheless_layers=sum(kind not in CACHING for kind in kinds),
        indexers=indexers,
        states=states,
        cross_attention=_cross_attention(top, groups) if is_decoder else (),
        family=family,
    )
    _note_unplaced_window(reader, model, family)
    hint = kv_format_hint(reader, top)
    not_counted = unknown_states + unknown_indexers
    if not mtp:
        not_counted += next_token_sentences(reader, next_token)
    counts = count_parameters(reader, top, model, kinds)
    weights = estimated_weights(reader, top, counts)
    return ParsedConfig(
        model=model,
        layer_kinds=tuple(kinds),
        group_kinds=group_kinds,
        max_context_len=_max_context_len(reader),
        estimated_params=counts.total if counts else None,
        embedding_params=counts.embedding + counts.head if counts else None,
        estimated_weight_bytes=weights.bytes,
        weight_format=weights.weight_format,
        used_keys=tuple(reader.used),
        assumptions=tuple(reader.assumptions),
        ignored_keys=tuple(unknown_keys.ignored_keys(reader)),
        not_counted=not_counted,
        kv_format_hint=hint,
    )


def _cross_attention(top: ConfigReader, groups: Sequence[LayerGroup]) -> tuple[CrossAttention, ...]:
    """K and V of the source, kept by every decoder layer with the heads of its own attention."""
    n_tokens = source_len(top)
    return tuple(
        CrossAttention(attention=group.attention, n_layers=group.n_layers, source_len=n_tokens)
        for group in groups
    )


def _note_unplaced_window(reader: ConfigReader, model: ModelConfig, family: str) -> None:
    """Note the lower figure of a config whose window no list or rule gives to some layers."""
    window = unplaced_window(reader, family)
    if window is None or window < 1:
        return
    lower = window * kv_bytes_per_token(model, "bf16")
    reader.assume(
        f"every layer is counted in full, since nothing says which of them the sliding_window of "
        f"{window} applies to; if to all, a sequence would keep {window} tokens at most: "
        f"{lower} bytes in bf16, the lower end"
    )


def _max_context_len(reader: ConfigReader) -> int | None:
    for name in unknown_keys.MAX_CONTEXT_LEN_KEYS:
        if reader.has(name):
            return reader.integer(name, most=MAX_CONTEXT_LEN)
    return None
