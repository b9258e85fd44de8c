"""The lecture's example as one button: DeepSeek's heads at 100,000 tokens, and the way back."""

from __future__ import annotations

import streamlit as st

from dashboard.controls import model_box as box
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import DEEPSEEK_EXAMPLE, offered

LABEL = "The lecture's 400 GB: DeepSeek at 100,000 tokens"


def show_example(settings: ModelSettings) -> None:
    """Draw the button; while the example is shown, it leads back to the default model."""
    presets = offered(measuring=False)
    is_shown = box.shown_name(settings) == DEEPSEEK_EXAMPLE
    name = box.DEFAULT_MODEL if is_shown else DEEPSEEK_EXAMPLE
    st.button(
        f"Back to {name}" if is_shown else LABEL,
        key="example_button",
        icon=":material/undo:" if is_shown else ":material/school:",
        on_click=box.set_sliders,
        args=(presets[name],),
    )
