"""DeepSeek's cache from the lecture's 400 GB down to its 3 GB, as GPUs that it fills."""

from __future__ import annotations

import streamlit as st

from dashboard.data.gpu_staircase import gpu_staircase
from dashboard.figures.gpu_staircase import gpu_staircase_figure
from dashboard.report.staircase_sentences import staircase_caption, staircase_sentence
from dashboard.settings.presets import DEEPSEEK
from dashboard.shell import panels
from gqa_core.catalog.devices import devices

GPU = "NVIDIA H100 SXM"


def show_deepseek_staircase() -> None:
    """Draw the staircase, whatever the sliders say: the lecture's numbers hold at one context."""
    device = next(device for device in devices() if device.name == GPU)
    staircase = gpu_staircase(DEEPSEEK, device)
    st.subheader("DeepSeek: from 400 GB to 3")
    panels.show_figure(
        gpu_staircase_figure(staircase),
        "deepseek_staircase",
        staircase_sentence(staircase),
        ("formula", "published"),
        staircase_caption(DEEPSEEK),
    )
