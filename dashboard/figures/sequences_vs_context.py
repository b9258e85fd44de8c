"""Sequences that fit, against their length: one line per variant, with windows a band.

Lines are the ratio of room to bytes, so that they are smooth; they leave the chart where not one
sequence fits. Hover texts count whole sequences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.capacity import SequenceCurve, SequenceCurves, engine_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.style import (
    CONTEXT_PAD,
    FIGURE_PX,
    LINE_END,
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    decades,
    log_axis,
    translucent,
    variant_markers,
    whole_powers,
)
from gqa_core import units

LABEL_SHIFT = 1.35  # how far a label stands over its line, as a factor
LOWEST = 0.8  # so that a single sequence is clear of the axis


def sequences_vs_context(data: SequenceCurves, height: int = FIGURE_PX) -> go.Figure:
    """Sequences that fit over context, one line or band per variant.

    Dotted lines stand at the sliders: below a line, so many users fit. The axes include MHA, MQA
    and MLA, so they stay where they are while K/V heads, context and users are moved.
    """
    figure = FigureBuilder()
    contexts = data.contexts
    figure.update_xaxes(context_axis(min(contexts), max(contexts), LINE_END))
    values = [value for curve in data.curves.values() for value in curve.ideal]
    _, high = whole_powers([1, max([*values, 10])], 10)
    ticks = decades(1, high)
    axis = log_axis(LOWEST, high, ticks, [f"{tick:,}" for tick in ticks])
    figure.update_yaxes(axis | {"title": {"text": "sequences that fit (formula)"}})
    for variant, curve in data.curves.items():
        if list(curve.allocated) != list(curve.ideal):
            _add_band(figure, variant, contexts, curve)
        _add_line(figure, variant, variant, contexts, curve.ideal, width=2.5)
    _add_markers(figure, data.context_len, _slider_points(data))
    _add_sliders(figure, data, (LOWEST, high))
    _add_label(figure, units.count(data.n_users, "user"), min(contexts), data.n_users)
    return finish_labelled(figure, _end_labels(data), height)


def _end_labels(data: SequenceCurves) -> list[EndLabel]:
    """The variants' names; that of a line that has left the chart stands at the lower edge."""
    ends = {variant: max(curve.ideal[-1], LOWEST) for variant, curve in data.curves.items()}
    styles = {variant: VARIANT_STYLES[variant] for variant in ends}
    return [
        EndLabel(variant, styles[variant].color, styles[variant].symbol, end)
        for variant, end in ends.items()
    ]


def _slider_points(data: SequenceCurves) -> list[tuple[str, float]]:
    """(variant, sequences) at the slider's context, once per engine, where at least one fits."""
    if data.context_len not in data.contexts:
        return []
    index = list(data.contexts).index(data.context_len)
    return [
        (variant, value)
        for variant, curve in data.curves.items()
        for value in sorted({curve.allocated[index], curve.ideal[index]})
        if value >= 1
    ]


def _add_line(
    figure: FigureBuilder,
    variant: str,
    name: str,
    contexts: Sequence[int],
    curve: Sequence[float],
    width: float,
    **options: object,
) -> None:
    figure.add_scatter(
        x=list(contexts),
        y=list(curve),
        name=name,
        mode="lines",
        line=VARIANT_STYLES[variant].line(width),
        text=[units.count(math.floor(value), "sequence") for value in curve],
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
        **options,
    )


def _add_band(
    figure: FigureBuilder,
    variant: str,
    contexts: Sequence[int],
    curve: SequenceCurve,
) -> None:
    """Fill between an engine's sequences and the ideal; the lower edge is a thin line."""
    name = f"{variant} {engine_label(curve.engine)}"
    _add_line(figure, variant, name, contexts, curve.allocated, width=1, showlegend=False)
    figure.add_scatter(
        x=list(contexts),
        y=list(curve.ideal),
        name=f"{variant} band",
        showlegend=False,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=translucent(VARIANT_STYLES[variant].color),
        hoverinfo="skip",
    )


def _add_markers(
    figure: FigureBuilder, context_len: int, points: Sequence[tuple[str, float]]
) -> None:
    """One marker per engine, in its variant's style."""
    if not points:
        return
    figure.add_scatter(
        x=[context_len] * len(points),
        y=[value for _, value in points],
        name="here",
        showlegend=False,
        mode="markers",
        marker=variant_markers([variant for variant, _ in points], 11),
        hoverinfo="skip",
    )


def _add_sliders(figure: FigureBuilder, data: SequenceCurves, ends: tuple[float, float]) -> None:
    """Dotted lines at the sliders."""
    context_len, n_users, contexts = data.context_len, data.n_users, data.contexts
    figure.add_scatter(
        x=[context_len, context_len, None, min(contexts) / CONTEXT_PAD, max(contexts) * LINE_END],
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
        textposition="middle right",
        hoverinfo="skip",
    )
