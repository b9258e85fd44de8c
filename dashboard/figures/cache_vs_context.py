"""Cache against context by formula: one straight line per variant on log-log axes."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.cache_lines import (
    Curves,
    add_cache_line,
    add_slider_context,
    cache_end_labels,
    set_cache_axes,
)
from dashboard.figures.end_labels import finish_labelled
from dashboard.figures.style import FIGURE_PX, VARIANT_STYLES


def cache_vs_context(
    curves: Curves, contexts: Sequence[int], context_len: int, height: int = FIGURE_PX
) -> go.Figure:
    """Cache bytes of each variant over `contexts`, with a marker where the slider stands.

    The axis spans whole powers of ten around MHA, MQA and MLA, so it stays where it is while the
    K/V heads and the context are moved.
    """
    figure = FigureBuilder()
    n_bytes = [value for curve in curves.values() for value in curve]
    set_cache_axes(figure, contexts, n_bytes, "KV cache (formula)")
    for variant, curve in curves.items():
        add_cache_line(figure, variant, VARIANT_STYLES[variant], contexts, curve)
    add_slider_context(figure, curves, contexts, context_len)
    return finish_labelled(figure, cache_end_labels(curves), height)
