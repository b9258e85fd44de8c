"""Sentences about a model's layers that sliders cannot show: windows, and layers that differ."""

from __future__ import annotations

from dashboard.settings.layouts import main_attention, slider_settings
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
            "whole context."
        ]
    sentences = [_tokens_sentence(model)] if _saves_tokens(model) else []
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
    return not (is_plain and isinstance(main_attention(model), GroupedConfig))


def _saves_tokens(model: ModelConfig) -> bool:
    return model.has_window_layers or model.n_cacheless_layers > 0


def _tokens_sentence(model: ModelConfig) -> str:
    parts = [_run_keeps(run) for run in model]
    if model.n_cacheless_layers:
        parts.append(f"{model.n_cacheless_layers} no tokens")
    return f"Of {model.n_layers} layers {', '.join(parts)}."


def _run_keeps(run: LayerGroup) -> str:
    tokens = "all tokens" if run.window is None else f"the last {run.window:,} tokens at most"
    return f"{run.n_layers} cache {tokens}"


def _differing_sentence(model: ModelConfig, settings: ModelSettings) -> str:
    kinds = "; ".join(f"{run.n_layers} have {describe_layer(run.attention)}" for run in model)
    if (settings.n_heads, settings.head_dim) != _slider_heads(model):
        return f"The model's layers differ ({kinds}); here all have the sliders' heads."
    return f"Its layers differ: {kinds}. The sliders show {describe_layer(main_attention(model))}."


def _own_row_sentence(model: ModelConfig, settings: ModelSettings) -> str:
    own = main_attention(model).variant
    if settings.models.get(own) != model:
        return "The rows are the model's layers with the heads of the sliders."
    same = f"The row {own} is the model as it is"
    if model.variant is None:
        same += ", though not all its layers are"
    return f"{same}; the other rows are the same layers with other heads."


def _slider_heads(model: ModelConfig) -> HeadCounts:
    settings = slider_settings(model)
    return settings["n_heads"], settings["head_dim"]
