"""Sliders in, a model whose cache is computed out, and what a page asks about it besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard.controls import model_box as box
from dashboard.controls.model_row import fill_model_row, model_row_placeholder
from dashboard.controls.sliders import heads_controls, kept, slider, workload_controls
from dashboard.settings.model import ModelSettings
from dashboard.settings.options import (
    CEILINGS,
    KV_FORMATS,
    MAX_TP,
    MODEL_BATCH_SIZES,
    MODEL_LAYERS,
    VARIANTS,
)
from dashboard.shell.links import validate_query_param
from gqa_core.catalog.devices import Device, devices
from gqa_core.configs import AttentionConfig
from gqa_core.theory.sharding import valid_tp_sizes
from gqa_core.theory.sharing import cached_parts

T = TypeVar("T")


def model_controls() -> ModelSettings:
    """Geometry, workload and number format of a model whose cache is computed."""
    return model_controls_with(lambda settings: settings)


def head_controls() -> tuple[ModelSettings, AttentionConfig, int, int]:
    """A model, the layer a head map shows, which cached part is told in words, and the GPUs."""
    return model_controls_with(lambda settings: (settings, *_part_controls(settings)))


def cache_controls() -> tuple[ModelSettings, list[Device]]:
    """A model, and the devices whose memory is drawn as a ceiling."""
    return model_controls_with(lambda settings: (settings, _ceiling_control()))


def model_controls_with(finish: Callable[[ModelSettings], T]) -> T:
    """A model's sliders, and below them, in the same box, what `finish` asks about it."""
    with st.container(border=True):
        above = model_row_placeholder(measuring=False)
        settings = _size_sliders()
        finished = finish(settings)
        fill_model_row(settings, above)
    return finished


def variant_control(settings: ModelSettings) -> str:
    """The variant that a page tells more about than the others."""
    names = list(settings.variants)
    if st.session_state.get("variant", names[0]) not in names:  # GQA became MHA or MQA
        st.session_state["variant"] = names[0] if settings.n_kv_heads > 1 else names[-2]
    validate_query_param("variant", VARIANTS, "GQA")
    return kept(
        st.segmented_control,
        "Variant shown",
        names,
        default="GQA" if "GQA" in names else names[0],
        key="variant",
        required=True,
    )


def _size_sliders() -> ModelSettings:
    with st.grid(4):
        heads = heads_controls()
        n_layers = slider("Layers", MODEL_LAYERS, 32, "n_layers", "Layers of the model.")
        workload = workload_controls(MODEL_BATCH_SIZES)
        kv_format = slider(
            "Number format",
            KV_FORMATS,
            "bf16",
            "kv_format",
            "How a number is stored. Those of 8 bits and fewer keep scales, which count too.",
        )
    preset = box.chosen_preset()
    base_model = preset.model if preset else None
    return ModelSettings(
        **heads, **workload, n_layers=n_layers, kv_format=kv_format, base_model=base_model
    )


def _part_controls(settings: ModelSettings) -> tuple[AttentionConfig, int, int]:
    with st.grid(3, vertical_alignment="bottom"):
        variant = variant_control(settings)
        attention = settings.variants[variant]
        parts = [part.name for part in cached_parts(attention)]
        if st.session_state.get("part", parts[0]) not in parts:
            st.session_state["part"] = parts[0]
        validate_query_param("part", parts, parts[0])
        part = kept(
            st.selectbox,
            "Cached part",
            parts,
            key="part",
            help="K/V heads are numbered from 0, as query heads are.",
        )
        tp = slider(
            "GPUs",
            [tp for tp in valid_tp_sizes(settings.models[variant]) if tp <= MAX_TP],
            1,
            "tp",
            "Tensor parallelism: the heads are dealt out to so many. Splits that cannot be are "
            "not offered.",
        )
    return attention, parts.index(part), tp


def _ceiling_control() -> list[Device]:
    known = {device.name: device for device in devices()}
    validate_query_param("devices", known, list(CEILINGS))
    names = kept(
        st.multiselect,
        "Memory of",
        list(known),
        default=CEILINGS,
        key="devices",
        max_selections=4,
        help="Drawn as a dashed line; the number on the vendor's label.",
    )
    return [known[name] for name in names]
