"""A published model as each variant, for the rows of a page.

The sliders hold one geometry, but a model may have windows, layers that cache no tokens, and layers
of a second geometry. While no slider is moved, the row of the model's own variant is the model to
the byte. The other rows are its layers, windows included, with the K/V heads of that row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import gcd

from gqa_core.configs import (
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    default_mla_for,
)
from gqa_core.records.specs.training import divisors
from gqa_core.theory.kv_heads import main_attention, main_group

USUAL_KV_HEADS = 8  # of GQA if the model has a latent, and so no number of K/V heads


def own_variant(model: ModelConfig) -> str | None:
    """The variant of the layers that represent a model, None if no layer caches tokens."""
    attention = main_attention(model)
    return attention.variant if attention else None


def slider_kv_heads(n_heads: int) -> int:
    """The default of the K/V heads slider: 8 if it divides n_heads, else the middle divisor."""
    counts = sorted(divisors(n_heads))
    return USUAL_KV_HEADS if USUAL_KV_HEADS in counts else counts[len(counts) // 2]


def slider_settings(model: ModelConfig) -> dict[str, int]:
    """Slider positions of a model by key; a latent's head width is that of its MHA baseline.

    A model of states alone has no heads, so it leaves their sliders as they are.
    """
    attention = main_attention(model)
    if attention is None:
        return {"n_layers": model.n_layers}
    n_kv_heads = getattr(attention, "n_kv_heads", None) or slider_kv_heads(attention.n_heads)
    return {
        "n_heads": attention.n_heads,
        "n_kv_heads": n_kv_heads,
        "head_dim": attention.mha_baseline.head_dim,
        "n_layers": model.n_layers,
    }


def models_by_variant(
    model: ModelConfig, n_heads: int, n_kv_heads: int, head_dim: int, n_layers: int
) -> Mapping[str, ModelConfig]:
    """The model as each variant, with the sliders at these numbers.

    Heads of another number or width replace those of every layer. With another number of layers
    all of them cache the whole context, since no rule says which would not. States and
    cross-attention belong to every variant; indexer keys to the model's own alone, whose sparse
    attention they serve.

    Raises:
        ValueError: a number is out of bounds, or n_kv_heads does not divide n_heads.
    """
    own, settings, resized = own_variant(model), slider_settings(model), model
    if n_layers != model.n_layers:
        resized = _with_layers(model, n_layers)
    if own and (n_heads, head_dim) != (settings["n_heads"], settings["head_dim"]):
        resized = resized.map_attention(partial(_resize, n_heads=n_heads, head_dim=head_dim))
    models = {
        name: (resized if name == own else replace(resized, indexers=())).map_attention(
            partial(_as_variant, name=name, n_kv_heads=n_kv_heads)
        )
        for name in _variant_names(n_heads, n_kv_heads)
    }
    if own and resized is model and n_kv_heads == settings["n_kv_heads"]:
        models[own] = model
    return models


def _with_layers(model: ModelConfig, n_layers: int) -> ModelConfig:
    """The model with another number of layers: all cache every token, if any does.

    What layers keep besides is kept by as large a part of them, rounded up.
    """

    def scaled(count: int) -> int:
        return -(-count * n_layers // model.n_layers)

    main = main_group(model)
    return ModelConfig(
        layer_groups=(replace(main, n_layers=n_layers, window=None),) if main else (),
        n_cacheless_layers=0 if main else n_layers,
        indexers=tuple(replace(keys, n_layers=scaled(keys.n_layers)) for keys in model.indexers),
        states=tuple(replace(state, n_layers=scaled(state.n_layers)) for state in model.states),
        cross_attention=tuple(
            replace(cross, n_layers=scaled(cross.n_layers)) for cross in model.cross_attention
        ),
    )


def _variant_names(n_heads: int, n_kv_heads: int) -> list[str]:
    """The variants that differ with these heads: equal ones are named once."""
    counts = {"MHA": n_heads, "GQA": n_kv_heads, "MQA": 1}
    layers = {
        name: GroupedConfig(n_heads=n_heads, n_kv_heads=count, head_dim=1)
        for name, count in counts.items()
    }
    return [*(name for name, layer in layers.items() if layer.variant == name), "MLA"]


def _resize(attention: AttentionConfig, n_heads: int, head_dim: int) -> AttentionConfig:
    """The layer with the sliders' heads; a latent of the same head width stays as it is."""
    if isinstance(attention, LatentConfig) and head_dim == attention.mha_baseline.head_dim:
        return replace(attention, n_heads=n_heads, dim=n_heads * attention.v_head_dim)
    return GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim)


def _as_variant(attention: AttentionConfig, name: str, n_kv_heads: int) -> AttentionConfig:
    """The layer as this variant; if `n_kv_heads` does not divide its heads, a divisor of both."""
    mha = attention.mha_baseline
    if name == "MLA":
        if isinstance(attention, LatentConfig):
            return attention
        return default_mla_for(mha.n_heads, mha.head_dim)
    counts = {"MHA": mha.n_heads, "GQA": gcd(mha.n_heads, n_kv_heads), "MQA": 1}
    return replace(mha, n_kv_heads=counts[name])
