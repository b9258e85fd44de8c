"""Widgets of the pages that compute a model's cache, and the additional ones of each page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from dashboard.controls import model_box as box
from dashboard.controls.compare import compare_control
from dashboard.controls.model_row import fill_model_row
from dashboard.controls.sidebar import sidebar_box
from dashboard.controls.sliders import (
    BATCH_SIZE,
    CONTEXT_LEN,
    heads_controls,
    show_model_slider,
)
from dashboard.controls.variant import variant_control
from dashboard.data.model_comparison import ModelComparison
from dashboard.settings.model import ModelSettings, storable_formats
from dashboard.settings.options import (
    CEILINGS,
    KV_FORMATS,
    MAX_TP,
    MODEL_BATCH_SIZES,
    MODEL_LAYERS,
)
from dashboard.shell.folded_box import FoldedBox
from dashboard.shell.widgets import MultiSelect, Select, Slider
from gqa_core.catalog.devices import Device, devices
from gqa_core.configs import AttentionConfig
from gqa_core.theory.sharding import valid_tp_sizes
from gqa_core.theory.sharing import cached_parts

T = TypeVar("T")

LAYERS = Slider(
    key="n_layers", label="Layers", options=MODEL_LAYERS, default=32, help="Layers of the model."
)
KV_FORMAT = Slider(
    key="kv_format",
    label="Cache format",
    options=KV_FORMATS,
    default="bf16",
    help="How each cached number is stored. Formats of 8 bits or fewer also store scales, which "
    "are counted. Formats that the head width cannot have are not offered.",
)
MAX_CEILINGS = 4
PART = "part"  # key of the cached part that a page describes


def head_controls() -> tuple[ModelSettings, AttentionConfig, int, int]:
    """A model, the layer to draw, the index of the cached part to describe, and the GPUs."""
    return model_controls_with(lambda settings, more: (settings, *_part_controls(settings, more)))


def cache_controls() -> tuple[ModelSettings, ModelComparison | None, list[Device]]:
    """A model, those to compare it with, and the devices whose memory is drawn as a ceiling."""

    def finish(
        settings: ModelSettings, more: FoldedBox
    ) -> tuple[ModelSettings, ModelComparison | None, list[Device]]:
        comparison = compare_control(settings)
        with more:
            return settings, comparison, _ceiling_control()

    return model_controls_with(finish)


def model_controls_with(
    finish: Callable[[ModelSettings, FoldedBox], T], *, has_batch: bool = True
) -> T:
    """Draw a model's widgets in the sidebar, then those of `finish`; return its result.

    `finish` is called with the settings and the folded box below, for widgets of its own there. A
    page that counts users in another way has no batch.
    """
    with sidebar_box() as (placeholder, more):
        box.apply_link(measuring=False)
        settings = _model_sliders(more, has_batch=has_batch)
        result = finish(settings, more)
    fill_model_row(settings, placeholder)
    return result


def _model_sliders(more: FoldedBox, *, has_batch: bool) -> ModelSettings:
    heads = heads_controls(more)
    context_len = CONTEXT_LEN.show()
    with more:
        n_layers = show_model_slider(LAYERS)
        batch_size = replace(BATCH_SIZE, options=MODEL_BATCH_SIZES).show() if has_batch else 1
        preset = box.chosen_preset()
        settings = ModelSettings(
            **heads,
            context_len=context_len,
            batch_size=batch_size,
            n_layers=n_layers,
            kv_format=KV_FORMAT.default,
            base_model=preset.model if preset else None,
        )
        kv_format = replace(KV_FORMAT, options=storable_formats(settings, KV_FORMATS)).show()
    return replace(settings, kv_format=kv_format)


def _part_controls(settings: ModelSettings, more: FoldedBox) -> tuple[AttentionConfig, int, int]:
    variant = variant_control(settings)
    attention = settings.variants[variant]
    parts = [part.name for part in cached_parts(attention)]
    with more:
        part = Select(
            key=PART,
            label="Cached part",
            options=parts,
            default=parts[0],
            help="Heads are numbered from 0.",
        ).show()
        tp = Slider(
            key="tp",
            label="GPUs",
            options=[tp for tp in valid_tp_sizes(settings.models[variant]) if tp <= MAX_TP],
            default=1,
            help="Tensor parallelism splits the heads over this many GPUs. Numbers that cannot "
            "split them are not offered.",
        ).show()
    return attention, parts.index(part), tp


def _ceiling_control() -> list[Device]:
    by_name = {device.name: device for device in devices()}
    names = MultiSelect(
        key="devices",
        label="Memory of",
        options=list(by_name),
        default=CEILINGS,
        max_selections=MAX_CEILINGS,
        help="Drawn as a dashed line: the memory on the vendor's label.",
    ).show()
    return [by_name[name] for name in names]
