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
from dashboard.figures.cache_lines import Styles
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.style import (
    CLICKABLE_LINE,
    CONTEXT_PAD,
    FIGURE_PX,
    LINE_END,
    NEUTRAL,
    VARIANT_STYLES,
    WIDE,
    VariantStyle,
    context_axis,
    decades,
    log_axis,
    markers,
    translucent,
    whole_powers,
)
from gqa_core import units

LABEL_SHIFT = 1.35  # how far a label stands over its line, as a factor
LOWEST = 0.8  # so that a single sequence is clear of the axis


def sequences_vs_context(
    data: SequenceCurves, height: int = FIGURE_PX, styles: Styles = VARIANT_STYLES
) -> go.Figure:
    """Sequences that fit over context, one line or band per variant, or per model of `styles`.

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
    for name, curve in data.curves.items():
        if list(curve.allocated) != list(curve.ideal):
            _add_band(figure, name, styles[name], contexts, curve)
        _add_line(figure, name, styles[name].line(WIDE), contexts, curve.ideal)
    _add_markers(figure, data, styles)
    _add_sliders(figure, data, (LOWEST, high))
    _add_label(figure, units.count(data.n_users, "user"), min(contexts), data.n_users)
    return finish_labelled(figure, _end_labels(data, styles), height)


def _end_labels(data: SequenceCurves, styles: Styles) -> list[EndLabel]:
    """The lines' names; that of a line that has left the chart stands at the lower edge."""
    return [
        EndLabel(name, styles[name].color, styles[name].symbol, max(curve.ideal[-1], LOWEST))
        for name, curve in data.curves.items()
    ]


def _slider_points(data: SequenceCurves) -> list[tuple[str, float]]:
    """(name, sequences) at the slider's context, once per engine, where at least one fits."""
    if data.context_len not in data.contexts:
        return []
    index = list(data.contexts).index(data.context_len)
    return [
        (name, value)
        for name, curve in data.curves.items()
        for value in sorted({curve.allocated[index], curve.ideal[index]})
        if value >= 1
    ]


def _add_line(
    figure: FigureBuilder,
    name: str,
    line: dict,
    contexts: Sequence[int],
    curve: Sequence[float],
) -> None:
    figure.add_scatter(
        x=list(contexts),
        y=list(curve),
        name=name,
        line=line,
        text=[units.count(math.floor(value), "sequence") for value in curve],
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
        **(CLICKABLE_LINE if line["width"] == WIDE else {"mode": "lines"}),
    )


def _add_band(
    figure: FigureBuilder,
    name: str,
    style: VariantStyle,
    contexts: Sequence[int],
    curve: SequenceCurve,
) -> None:
    """Fill between an engine's sequences and the ideal; the lower edge is a thin line."""
    lower = f"{name} {engine_label(curve.engine)}"
    _add_line(figure, lower, style.line(1), contexts, curve.allocated)
    figure.add_scatter(
        x=list(contexts),
        y=list(curve.ideal),
        name=f"{name} band",
        showlegend=False,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=translucent(style.color),
        hoverinfo="skip",
    )


def _add_markers(figure: FigureBuilder, data: SequenceCurves, styles: Styles) -> None:
    """One marker per engine at the slider's context, in its line's style."""
    points = _slider_points(data)
    if not points:
        return
    figure.add_scatter(
        x=[data.context_len] * len(points),
        y=[value for _, value in points],
        name="here",
        showlegend=False,
        mode="markers",
        marker=markers([styles[name] for name, _ in points], 11),
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
