"""Attend time against context: measured, with its interval; bounds and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import Row, row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.measured import describe_attend, opacities
from dashboard.figures.style import (
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    finish,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units

SECONDS = (1e-5, 1.0)  # the axis where there is nothing to draw
BOUND, PREDICTED = "bound: one read, or the arithmetic", "predicted: floor + bound"


def attend_vs_context(rows: Sequence[Row], context_lens: Sequence[int]) -> go.Figure:
    """Attend time by context, 5th percentile and its interval; bounds are dashed grey.

    Predictions are thin lines in the variant's colour. Markers of unusable samples are faint. The
    axis always includes `context_lens`.
    """
    figure = FigureBuilder()
    in_order = sorted(rows, key=lambda row: row.context_len)
    by_label = {
        label: [row for row in in_order if row_label(row) == label] for label in VARIANT_STYLES
    }
    by_label = {label: label_rows for label, label_rows in by_label.items() if label_rows}
    _add_bounds(figure, by_label)
    is_first = True
    for label, label_rows in by_label.items():
        _add_prediction(figure, label, label_rows, in_legend=is_first)
        _add_markers(figure, label, label_rows)
        is_first = False
    times = [
        time
        for row in rows
        for time in (row.attend.p5_low, row.attend.p5_high, row.bound_s, row.predicted_attend_s)
        if time is not None
    ]
    contexts = [*context_lens, *(row.context_len for row in rows)]
    _set_axes(figure, contexts, times)
    return finish(figure, height=420)


def _add_bounds(figure: FigureBuilder, by_label: Mapping[str, Sequence[Row]]) -> None:
    """The bounds of all variants: one broken line."""
    if not by_label:
        return
    rows = [row for label_rows in by_label.values() for row in (*label_rows, None)]
    figure.add_scatter(
        x=[row and row.context_len for row in rows],
        y=[row and row.bound_s for row in rows],
        name=BOUND,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1},
        text=[
            row and row.bound_s and f"{row_label(row)}, bound: {units.duration(row.bound_s)}"
            for row in rows
        ],
        hovertemplate="%{text} at %{x:,} tokens<extra></extra>",
    )


def _add_prediction(
    figure: FigureBuilder, label: str, rows: Sequence[Row], *, in_legend: bool
) -> None:
    """The predicted times of a variant; one legend entry stands for all variants."""
    figure.add_scatter(
        x=[row.context_len for row in rows],
        y=[row.predicted_attend_s for row in rows],
        name=PREDICTED,
        legendgroup=PREDICTED,
        showlegend=in_legend,
        mode="lines",
        line=VARIANT_STYLES[label].line(1.5),
        text=[units.duration(row.predicted_attend_s) for row in rows],
        hovertemplate=f"{label}, predicted at %{{x:,}} tokens: %{{text}}<extra></extra>",
    )


def _add_markers(figure: FigureBuilder, label: str, rows: Sequence[Row]) -> None:
    figure.add_scatter(
        x=[row.context_len for row in rows],
        **interval_bars([row.attend.undisturbed for row in rows]),
        name=label,
        mode="markers",
        marker=VARIANT_STYLES[label].marker(11) | opacities(rows),
        text=[describe_attend(row) for row in rows],
        hovertemplate=f"{label} at %{{x:,}} tokens: %{{text}}<extra></extra>",
    )


def _set_axes(figure: FigureBuilder, contexts: Sequence[int], times: Sequence[float]) -> None:
    """Set axes to whole powers around the data, so that a further row seldom moves them."""
    figure.update_xaxes(context_axis(*whole_powers(contexts, 4)))
    figure.update_yaxes(seconds_axis(times or SECONDS, "attend (5th percentile, measured here)"))
