"""What a model's layers are, where sliders alone do not say it: windows, and layers that differ."""

from __future__ import annotations

from dashboard.settings.choices import ModelSettings
from dashboard.settings.layouts import Layout
from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig, LayerGroup

HeadCounts = tuple[int, int]


def layout_sentences(choice: ModelSettings) -> list[str]:
    """What must be known of the model behind the sliders, in order; none where they say it all."""
    layout = choice.layout
    if layout is None or not _is_special(layout):
        return []
    if choice.n_layers != layout.n_layers:
        return [
            f"The model has {units.count(layout.n_layers, 'layer')}; with {choice.n_layers} no "
            "rule says which are like which, so every layer is taken to be alike, to cache, and "
            "to see the whole context."
        ]
    told = [_tokens_sentence(layout)] if _saves_tokens(layout) else []
    if len({run.attention for run in layout.model}) > 1:
        told.append(_differing_sentence(layout, choice))
    told.append(_own_row_sentence(layout, choice))
    return told


def describe_layer(attention: AttentionConfig) -> str:
    """What one layer caches of a token: "8 K/V heads of width 128"."""
    if not isinstance(attention, GroupedConfig):
        return f"a latent of {attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    says = f"{units.count(attention.n_kv_heads, 'K/V head')} of width {attention.head_dim}"
    if attention.v_head_dim != attention.head_dim:
        says += f" (V {attention.v_head_dim})"
    return says


def _is_special(layout: Layout) -> bool:
    uniform = len(layout.model.layer_groups) == 1 and not _saves_tokens(layout)
    return not (uniform and isinstance(layout.main, GroupedConfig))


def _saves_tokens(layout: Layout) -> bool:
    return layout.has_windows or layout.model.n_layers < layout.n_layers


def _tokens_sentence(layout: Layout) -> str:
    parts = [_run_keeps(run) for run in layout.model]
    if cacheless := layout.n_layers - layout.model.n_layers:
        parts.append(f"{cacheless} no tokens")
    return f"Of {layout.n_layers} layers {', '.join(parts)}."


def _run_keeps(run: LayerGroup) -> str:
    kept = "all tokens" if run.window is None else f"the last {run.window:,} tokens at most"
    return f"{run.n_layers} cache {kept}"


def _differing_sentence(layout: Layout, choice: ModelSettings) -> str:
    kinds = "; ".join(
        f"{run.n_layers} have {describe_layer(run.attention)}" for run in layout.model
    )
    if (choice.n_heads, choice.head_dim) != _slider_heads(layout):
        return f"The model's layers differ ({kinds}); here all have the sliders' heads."
    return f"Its layers differ: {kinds}. The sliders show {describe_layer(layout.main)}."


def _own_row_sentence(layout: Layout, choice: ModelSettings) -> str:
    own = layout.main.variant
    if choice.models.get(own) != layout.model:
        return "The rows are the model's layers with the heads of the sliders."
    same = f"The row {own} is the model as it is"
    if layout.model.variant is None:
        same += ", though not all its layers are"
    return f"{same}; the other rows are the same layers with other heads."


def _slider_heads(layout: Layout) -> HeadCounts:
    return layout.settings["n_heads"], layout.settings["head_dim"]
