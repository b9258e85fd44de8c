"""Widgets of the size of a model's weights, which is empty where nobody knows it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls.model_box import DEFAULT_MODEL, chosen_import, chosen_preset
from dashboard.settings.presets import WEIGHT_FORMATS, Preset, offered, weights_gb
from dashboard.shell.state import remember
from dashboard.shell.widgets import OptionalNumberInput, Select
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


def weights_control(more: DeltaGenerator) -> int | None:
    """Bytes of the weights in total; None if they are neither known nor typed.

    Their format stands in the folded box.
    """
    preset = chosen_preset()
    own = preset.settings["weight_format"] if preset else FORMAT.default
    options = tuple(dict.fromkeys([*WEIGHT_FORMATS, str(own)]))
    with more:
        replace(FORMAT, options=options).show(on_change=_set_weights, args=(preset,))
    gigabytes = WEIGHTS.show()
    return None if gigabytes is None else round(gigabytes * units.GB)


def show_weights_offer() -> None:
    """Offer the weights of a published model for an import that states none of its own.

    Only if it is the one model of the catalogue with these layers, and on request: another model
    may have the same layers.
    """
    config = chosen_import()
    if config is None or config.preset.settings[WEIGHTS.key] is not None:
        return
    names = [known.name for known in models() if known.config == config.config.model]
    if len(names) != 1:
        return
    gigabytes = weights_gb(offered(measuring=False)[names[0]], st.session_state[FORMAT.key])
    if gigabytes is not None:
        label = f"Take {gigabytes:g} GB, as of {names[0]}"
        st.button(label, key="weights_offer", on_click=_take_weights, args=(gigabytes,))
        st.caption(f"{names[0]} of the catalogue has the same layers; yours may differ elsewhere.")


def _take_weights(gigabytes: float) -> None:
    st.session_state[WEIGHTS.key] = remember(WEIGHTS.key, gigabytes)


def _set_weights(preset: Preset | None) -> None:
    """Set the weights to those of the model in the chosen format, empty if they are not known."""
    chosen = st.session_state[FORMAT.key]
    st.session_state[WEIGHTS.key] = weights_gb(preset, chosen) if preset else None
