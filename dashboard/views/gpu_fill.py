"""The memory of a GPU that the caches of all variants fill, or the reason why it is not drawn."""

from __future__ import annotations

import streamlit as st

from dashboard.data.capacity import Plan
from dashboard.data.gpu_fill import gpu_fill
from dashboard.figures.cache_vs_context import cache_vs_context
from dashboard.figures.gpu_fill import gpu_fill_figure
from dashboard.report.cache_sentences import cache_answer
from dashboard.report.fill_sentences import fill_caption, fill_takeaway, no_fill_sentence
from dashboard.settings.model import ModelSettings
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels

INSTEAD_PX = 310  # height of the curves that stand below a reason


def show_gpu_fill(settings: ModelSettings, plan: Plan) -> None:
    """Draw the GPU of a plan full, with frames that fill it.

    Where nothing can be known, draw the reason, and the cache against context in its place.
    """
    fill = gpu_fill(plan)
    if fill is None:
        st.info(no_fill_sentence(plan))
        _show_curves(settings)
        return
    panels.show_figure(
        gpu_fill_figure(fill),
        "gpu_fill",
        fill_takeaway(fill),
        ("formula",),
        fill_caption(fill, plan.weights_note),
    )


def _show_curves(settings: ModelSettings) -> None:
    curves = {
        name: [settings.cache_bytes(name, context_len) for context_len in CONTEXT_LENS]
        for name in settings.models
    }
    panels.show_figure(
        cache_vs_context(curves, CONTEXT_LENS, settings.context_len, INSTEAD_PX),
        "cache_vs_context",
        cache_answer(settings),
        ("formula",),
        "The cache alone, against the context.",
    )
