"""Cards that set everything with one click: the lecture's examples, models, one's own config."""

from __future__ import annotations

import streamlit as st

from dashboard.controls import config_import
from dashboard.controls.model import KV_FORMAT
from dashboard.controls.model_box import set_sliders
from dashboard.controls.sliders import BATCH_SIZE, CONTEXT_LEN
from dashboard.settings.presets import Preset, offered
from dashboard.shell.state import remember
from dashboard.shell.stylesheet import CARDS as CARDS_KEY

CARDS = {  # label: the preset
    "32 heads in 8 groups": "32 heads in 8",
    "128 in 8 (16x)": "128 heads in 8 (16x)",
    "DeepSeek: 400 GB → 3 GB": "DeepSeek at 100,000 tokens",
    "Llama 3 8B": "Llama 3 8B",
    "Llama 3 70B": "Llama 3 70B",
    "DeepSeek-V3": "DeepSeek-V3",
}
OWN = "Your config.json"


def show_preset_cards() -> None:
    """Draw the row of cards; the last one opens the import."""
    st.pills(
        "Examples",
        [*CARDS, OWN],
        format_func=lambda label: f":material/upload_file: {label}" if label == OWN else label,
        key=CARDS_KEY,
        on_change=_choose,
        label_visibility="collapsed",
    )


def _choose() -> None:
    """Do what the clicked card says; none stays pressed, as sliders may move on."""
    label = st.session_state[CARDS_KEY]
    st.session_state[CARDS_KEY] = None
    if label == OWN:
        st.session_state[config_import.POPOVER] = True
    elif label:
        _set_everything(offered(measuring=False)[CARDS[label]])


def _set_everything(preset: Preset) -> None:
    """Set the sliders from a preset, and the workload that it leaves open to the defaults."""
    set_sliders(preset)
    for slider in (CONTEXT_LEN, BATCH_SIZE, KV_FORMAT):
        if slider.key not in preset.settings:
            st.session_state[slider.key] = remember(slider.key, slider.default)
