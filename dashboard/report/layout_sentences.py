"""Sentences about a model's layers that sliders cannot show: windows, and layers that differ."""

from __future__ import annotations

from dashboard.report.part_terms import part_keeps, parts_besides
from dashboard.settings.layouts import main_attention, own_variant, slider_settings
from dashboard.settings.model import ModelSettings
from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig, LayerGroup, ModelConfig

HeadCounts = tuple[int, int]


def layout_sentences(settings: ModelSettings) -> list[str]:
    """Sentences about the model behind the sliders; none if the sliders describe it fully."""
    model = settings.base_model
    if model is None or not _is_special(model):
        return []
    if settings.n_layers != model.n_layers:
        return [
            f"The model has {units.count(model.n_layers, 'layer')}; with {settings.n_layers} no "
            "rule says which layers are alike, so every layer is taken to cache and to see the "
            "whole context, and what layers keep besides grows in proportion."
        ]
    sentences = [_tokens_sentence(model)] if _saves_tokens(model) else []
    if settings.keeps_more_than_a_cache:
        sentences.append(_besides_sentence(settings))
    if len({run.attention for run in model}) > 1:
        sentences.append(_differing_sentence(model, settings))
    sentences.append(_own_row_sentence(model, settings))
    return sentences


def describe_layer(attention: AttentionConfig) -> str:
    """The vectors that one layer caches per token: "8 K/V heads of width 128"."""
    if not isinstance(attention, GroupedConfig):
        return f"a latent of {attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    text = f"{units.count(attention.n_kv_heads, 'K/V head')} of width {attention.head_dim}"
    if attention.v_head_dim != attention.head_dim:
        text += f" (V {attention.v_head_dim})"
    return text


def _is_special(model: ModelConfig) -> bool:
    is_plain = model.is_uniform and not model.has_window_layers
    keeps_more = model.indexers or model.states or model.cross_attention
    has_one_cache = all(group.caches_per_layer == 1 for group in model)
    grouped = isinstance(main_attention(model), GroupedConfig)
    return not (is_plain and has_one_cache and grouped and not keeps_more)


def _saves_tokens(model: ModelConfig) -> bool:
    several_caches = any(group.caches_per_layer > 1 for group in model)
    return model.has_window_layers or model.n_cacheless_layers > 0 or several_caches


def _tokens_sentence(model: ModelConfig) -> str:
    parts = [_run_keeps(run) for run in model]
    if model.n_cacheless_layers:
        parts.append(f"{model.n_cacheless_layers} no tokens")
    return f"Of {model.n_layers} layers {', '.join(parts)}."


def _run_keeps(run: LayerGroup) -> str:
    tokens = "all tokens" if run.window is None else f"the last {run.window:,} tokens at most"
    caches = f" in {run.caches_per_layer} caches each" if run.caches_per_layer > 1 else ""
    return f"{run.n_layers} cache {tokens}{caches}"


def _besides_sentence(settings: ModelSettings) -> str:
    """A sentence about the parts that a model keeps beside K, V and latents."""
    model = settings.base_model
    assert model is not None
    return f"Besides, {'; '.join(map(part_keeps, parts_besides(model, settings.kv_format)))}."


def _differing_sentence(model: ModelConfig, settings: ModelSettings) -> str:
    kinds = "; ".join(f"{run.n_layers} have {describe_layer(run.attention)}" for run in model)
    if (settings.n_heads, settings.head_dim) != _slider_heads(model):
        return f"The model's layers differ ({kinds}); here all have the sliders' heads."
    main = main_attention(model)
    shown = f" The sliders show {describe_layer(main)}." if main else ""
    return f"Its layers differ: {kinds}.{shown}"


def _own_row_sentence(model: ModelConfig, settings: ModelSettings) -> str:
    own = own_variant(model)
    if own is None:
        return "Every row is the model as it is, since no layer has heads to share."
    if settings.models.get(own) != model:
        return "The rows are the model's layers with the heads of the sliders."
    same = f"The row {own} is the model as it is"
    if model.variant is None:
        same += ", though not all its layers are"
    return f"{same}; the other rows are the same layers with other heads."


def _slider_heads(model: ModelConfig) -> HeadCounts:
    positions = slider_settings(model)
    return positions["n_heads"], positions["head_dim"]
