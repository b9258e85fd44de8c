"""How the cache grows with context: one straight line a variant on log-log axes, all formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import VARIANT_STYLES, bytes_axis, context_axis, finish, markers_of
from gqa_core import units


def cache_vs_context(
    curves: Mapping[str, Sequence[int]],
    contexts: Sequence[int],
    at: int,
) -> go.Figure:
    """Cache bytes of each variant over `contexts`, with a marker where the slider stands.

    The axis spans whole steps around MHA, MQA and MLA, so it stays where it is while the K/V heads
    and the context are moved.
    """
    figure = FigureBuilder()
    for variant, n_bytes in curves.items():
        look = VARIANT_STYLES[variant]
        figure.add_scatter(
            x=list(contexts),
            y=list(n_bytes),
            name=variant,
            mode="lines",
            line=look.line(2.5),
            text=[units.capacity(value) for value in n_bytes],
            hovertemplate=f"{variant} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        )
    if at in contexts:
        index = list(contexts).index(at)
        here = {name: curve[index] for name, curve in curves.items()}
        figure.add_scatter(
            x=[at] * len(here),
            y=list(here.values()),
            name="here",
            mode="markers",
            marker=markers_of(list(here), 11),
            showlegend=False,
            text=[f"{variant} {units.capacity(value)}" for variant, value in here.items()],
            hovertemplate="%{x:,} tokens: %{text}<extra></extra>",
        )
    figure.update_xaxes(context_axis(min(contexts), max(contexts)))
    axis = bytes_axis([value for curve in curves.values() for value in curve])
    figure.update_yaxes(axis | {"title": {"text": "KV cache (formula)"}})
    return finish(figure, height=496)
