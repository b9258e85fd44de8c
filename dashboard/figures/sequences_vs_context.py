"""How many sequences fit against their length: a line a variant, a band where windows leave doubt.

Drawn is room over bytes, so that the lines are smooth; they leave the chart where not one sequence
fits. Hovering tells whole sequences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    decades,
    finish,
    log_axis,
    markers_of,
    translucent,
    whole_powers,
)
from gqa_core import units

LABEL_SHIFT = 1.25  # how far a label stands over its line, as a factor
LOWEST = 0.8  # so that a single sequence stands clear of the axis


def sequences_vs_context(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    contexts: Sequence[int],
    at: int,
    n_users: int,
) -> go.Figure:
    """Sequences that fit over `contexts`, as (as allocated, ideal) for each variant.

    Dotted lines stand at the sliders: where they cross below a line, so many users fit. The axes
    hold MHA, MQA and MLA, so they stay where they are while K/V heads, context and users are moved.
    """
    figure = FigureBuilder()
    figure.update_xaxes(context_axis(min(contexts), max(contexts)))
    values = [value for _, ideal in curves.values() for value in ideal]
    _, high = whole_powers([1, max([*values, 10])], 10)
    ticks = decades(1, high)
    axis = log_axis(LOWEST, high, ticks, [f"{tick:,}" for tick in ticks])
    figure.update_yaxes(axis | {"title": {"text": "sequences that fit (formula)"}})
    here: list[tuple[str, float]] = []
    for variant, (allocated, ideal) in curves.items():
        if list(allocated) != list(ideal):
            _add_band(figure, variant, contexts, allocated, ideal)
        _add_line(figure, variant, variant, contexts, ideal, width=2.5)
        read = {curve[list(contexts).index(at)] for curve in (allocated, ideal) if at in contexts}
        here += [(variant, value) for value in sorted(read) if value >= 1]
    _add_markers(figure, at, here)
    _add_sliders(figure, contexts, (LOWEST, high), at, n_users)
    _add_label(figure, units.count(n_users, "user"), max(contexts), n_users)
    return finish(figure, height=496, legend_traceorder="normal")


def _add_line(
    figure: FigureBuilder,
    variant: str,
    name: str,
    contexts: Sequence[int],
    curve: Sequence[float],
    width: float,
    **how: object,
) -> None:
    figure.add_scatter(
        x=list(contexts),
        y=list(curve),
        name=name,
        mode="lines",
        line=VARIANT_STYLES[variant].line(width),
        text=[units.count(math.floor(value), "sequence") for value in curve],
        hovertemplate=f"{name} at %{{x:,}} tokens: %{{text}} (formula)<extra></extra>",
        **how,
    )


def _add_band(
    figure: FigureBuilder,
    variant: str,
    contexts: Sequence[int],
    allocated: Sequence[float],
    ideal: Sequence[float],
) -> None:
    """What lies between the readings, filled; the lower edge is a thin line of its own."""
    name = f"{variant} as allocated"
    _add_line(figure, variant, name, contexts, allocated, width=1, showlegend=False)
    figure.add_scatter(
        x=list(contexts),
        y=list(ideal),
        name=f"{variant} band",
        showlegend=False,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=translucent(VARIANT_STYLES[variant].color),
        hoverinfo="skip",
    )


def _add_markers(figure: FigureBuilder, at: int, here: Sequence[tuple[str, float]]) -> None:
    """One marker a reading, in its variant's look."""
    if not here:
        return
    figure.add_scatter(
        x=[at] * len(here),
        y=[value for _, value in here],
        name="here",
        showlegend=False,
        mode="markers",
        marker=markers_of([variant for variant, _ in here], 11),
        text=[
            f"{variant} at {at:,} tokens: {units.count(math.floor(value), 'sequence')}"
            for variant, value in here
        ],
        hovertemplate="%{text} (formula)<extra></extra>",
    )


def _add_sliders(
    figure: FigureBuilder,
    contexts: Sequence[int],
    ends: tuple[float, float],
    at: int,
    n_users: int,
) -> None:
    """Dotted lines where the sliders stand."""
    figure.add_scatter(
        x=[at, at, None, min(contexts) / 1.3, max(contexts) * 1.3],
        y=[*ends, None, n_users, n_users],
        name="sliders",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )


def _add_label(figure: FigureBuilder, text: str, x: float, y: float) -> None:
    figure.add_scatter(
        x=[x],
        y=[y * LABEL_SHIFT],
        name=f"{text} label",
        showlegend=False,
        mode="text",
        text=[text],
        textposition="middle left",
        textfont={"size": 10},
        hoverinfo="skip",
    )
