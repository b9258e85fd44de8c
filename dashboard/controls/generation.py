"""Sliders in, a small model that generates with and without a cache out."""

from __future__ import annotations

import streamlit as st

from dashboard.controls.sliders import slider
from dashboard.settings.measurement import GenerationSettings
from dashboard.settings.options import WHY_CONTEXT_LENS, WHY_HEAD_DIMS, WHY_HEADS, WHY_LAYERS
from dashboard.shell.links import show_link_row
from dashboard.shell.state import drawn


def generation_controls() -> GenerationSettings:
    """The small model that generates with and without a cache, and how far both go."""
    with st.container(border=True):
        with st.grid(4):
            n_heads = slider(
                "Heads", WHY_HEADS, 2, "why_n_heads", "Each with a K and a V of its own (MHA)."
            )
            head_dim = slider(
                "Head width", WHY_HEAD_DIMS, 128, "why_head_dim", "Numbers in one head's key."
            )
            n_layers = slider(
                "Layers", WHY_LAYERS, 2, "why_n_layers", "Layers really walked through."
            )
            context_len = slider(
                "Tokens both ways",
                WHY_CONTEXT_LENS,
                768,
                "why_context_len",
                "Generated with the cache and by recomputing. The time of the latter grows with "
                "the third power: twice the tokens, up to eight times the wait.",
            )
        show_link_row(drawn())
    return GenerationSettings(
        n_heads=n_heads, head_dim=head_dim, n_layers=n_layers, context_len=context_len
    )
