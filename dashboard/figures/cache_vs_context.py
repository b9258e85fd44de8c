"""Cache against context by formula: one straight line per variant on log-log axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    VARIANT_STYLES,
    bytes_axis,
    context_axis,
    finish,
    variant_markers,
)
from gqa_core import units


def cache_vs_context(
    curves: Mapping[str, Sequence[int]],
    contexts: Sequence[int],
    context_len: int,
) -> go.Figure:
    """Cache bytes of each variant over `contexts`, with a marker where the slider stands.

    The axis spans whole steps around MHA, MQA and MLA, so it stays where it is while the K/V heads
    and the context are moved.
    """
    figure = FigureBuilder()
    for variant, n_bytes in curves.items():
        style = VARIANT_STYLES[variant]
        figure.add_scatter(
            x=list(contexts),
            y=list(n_bytes),
            name=variant,
            mode="lines",
            line=style.line(2.5),
            text=[units.capacity(value) for value in n_bytes],
            hovertemplate=f"{variant} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        )
    if context_len in contexts:
        index = list(contexts).index(context_len)
        slider_bytes = {name: curve[index] for name, curve in curves.items()}
        figure.add_scatter(
            x=[context_len] * len(slider_bytes),
            y=list(slider_bytes.values()),
            name="here",
            mode="markers",
            marker=variant_markers(list(slider_bytes), 11),
            showlegend=False,
            text=[f"{variant} {units.capacity(value)}" for variant, value in slider_bytes.items()],
            hovertemplate="%{x:,} tokens: %{text}<extra></extra>",
        )
    figure.update_xaxes(context_axis(min(contexts), max(contexts)))
    axis = bytes_axis([value for curve in curves.values() for value in curve])
    figure.update_yaxes(axis | {"title": {"text": "KV cache (formula)"}})
    return finish(figure, height=496)
