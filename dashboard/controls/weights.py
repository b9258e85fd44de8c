"""Widgets of the size of a model's weights, which is empty where nobody knows it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.controls.compare import compared_imports
from dashboard.controls.imports import ImportedConfig, add_import, imports
from dashboard.controls.model_box import DEFAULT_MODEL, chosen_import, chosen_preset
from dashboard.data.borrowed_weights import Weights, slider_weights
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import WEIGHT_FORMATS, Preset, offered, weights_gb
from dashboard.shell.folded_box import FoldedBox
from dashboard.shell.number_inputs import OptionalNumberInput
from dashboard.shell.state import remember
from dashboard.shell.widgets import Select
from gqa_core import units
from gqa_core.catalog.models import models

MAX_WEIGHTS_GB = 100_000.0
_DEFAULT = offered(measuring=False)[DEFAULT_MODEL]

FORMAT = Select(
    key="weight_format",
    label="Weight format",
    options=WEIGHT_FORMATS,
    default=str(_DEFAULT.settings["weight_format"]),
    help="What the weights are stored in. Another format sets the weights beside it to the "
    "model's parameters in that format, if their number is known.",
)
WEIGHTS = OptionalNumberInput(
    key="weights_gb",
    label="Weights in total (GB)",
    minimum=0.0,
    maximum=MAX_WEIGHTS_GB,
    default=weights_gb(_DEFAULT, FORMAT.default),
    placeholder="type the size of the weights",
    help="Decimal GB of the whole model, split evenly over the GPUs. A model whose weights are "
    "known sets them; else add up the sizes of its weight files.",
)


def weights_control(settings: ModelSettings, more: FoldedBox) -> Weights:
    """The weights in total; without bytes if neither known nor typed, or a smaller model's.

    Their format stands in the folded box.
    """
    preset = chosen_preset()
    own = preset.settings["weight_format"] if preset else FORMAT.default
    options = tuple(dict.fromkeys([*WEIGHT_FORMATS, str(own)]))
    with more:
        replace(FORMAT, options=options).show(on_change=_set_weights, args=(preset,))
    gigabytes = WEIGHTS.show()
    n_bytes = None if gigabytes is None else round(gigabytes * units.GB)
    return slider_weights(settings, preset, n_bytes)


def show_weights_offers() -> None:
    """Offer the weights of published models for the imports of this page that state none.

    Only of the one model of the catalogue with these layers, and on request: another model may
    have the same layers.
    """
    chosen = chosen_import()
    for config in dict.fromkeys([*([chosen] if chosen else []), *compared_imports()]):
        known = _only_published(config)
        gigabytes = known and weights_gb(known, str(config.preset.settings[FORMAT.key]))
        if known and gigabytes:
            label = f"{config.name}: take {gigabytes:g} GB, as of {known.name}"
            arguments = (config.name, known.name, gigabytes)
            st.button(label, key=f"weights_{config.name}", on_click=_give_weights, args=arguments)
            st.caption(f"{known.name} of the catalogue has the same layers; yours may differ.")


def _only_published(config: ImportedConfig) -> Preset | None:
    """The one published model with an import's layers, if the import states no weights."""
    if config.preset.settings[WEIGHTS.key] is not None:
        return None
    names = [known.name for known in models() if known.config == config.config.model]
    return offered(measuring=False)[names[0]] if len(names) == 1 else None


def _give_weights(name: str, published: str, gigabytes: float) -> None:
    """Give an import the weights of a published model, and note where they are from."""
    config, chosen = imports()[name], chosen_import()
    sentence = f"its weights are those of {published} in the catalogue, which has the same layers"
    parsed = replace(
        config.config,
        estimated_weight_bytes=round(gigabytes * units.GB),
        assumptions=(*config.config.assumptions, sentence),
    )
    add_import(replace(config, config=parsed))
    if chosen and chosen.name == name:
        st.session_state[WEIGHTS.key] = remember(WEIGHTS.key, gigabytes)


def _set_weights(preset: Preset | None) -> None:
    """Set the weights to those of the model in the chosen format, empty if they are not known."""
    chosen = st.session_state[FORMAT.key]
    st.session_state[WEIGHTS.key] = weights_gb(preset, chosen) if preset else None
