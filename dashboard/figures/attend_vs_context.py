"""Attend time against context: measured, with its interval; bounds and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import Row, row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.measured import (
    add_evidence_legend,
    describe_attend,
    evidence_marker,
    opacities,
)
from dashboard.figures.style import (
    FIGURE_PX,
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units

SECONDS = (1e-5, 1.0)  # the axis where there is nothing to draw
BOUND, PREDICTED = "bound", "predicted"


def attend_vs_context(
    rows: Sequence[Row], context_lens: Sequence[int], height: int = FIGURE_PX
) -> go.Figure:
    """Attend time by context, 5th percentile and its interval; bounds are dashed grey.

    Predictions are thin lines in the variant's colour. Markers of unusable samples are faint, and
    open if they were measured elsewhere. The axis always includes `context_lens`.
    """
    figure = FigureBuilder()
    _set_axes(figure, rows, context_lens)
    by_label = _by_label(rows)
    _add_bounds(figure, by_label)
    for label, label_rows in by_label.items():
        _add_prediction(figure, label, label_rows)
        for evidence in dict.fromkeys(row.evidence for row in label_rows):
            _add_markers(figure, label, [row for row in label_rows if row.evidence == evidence])
    if rows:
        _add_line_legend(figure)
        add_evidence_legend(figure, rows)
    return finish_labelled(figure, _end_labels(by_label), height, has_legend=bool(rows))


def _by_label(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each variant by context, in the order of variants; none without rows."""
    in_order = sorted(rows, key=lambda row: row.context_len)
    by_label = {
        label: [row for row in in_order if row_label(row) == label] for label in VARIANT_STYLES
    }
    return {label: label_rows for label, label_rows in by_label.items() if label_rows}


def _end_labels(by_label: Mapping[str, Sequence[Row]]) -> list[EndLabel]:
    """The variants' names beside their longest context."""
    styles = {label: VARIANT_STYLES[label] for label in by_label}
    return [
        EndLabel(label, styles[label].color, styles[label].symbol, label_rows[-1].attend.p5)
        for label, label_rows in by_label.items()
    ]


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
        hoverinfo="skip",
    )


def _add_prediction(figure: FigureBuilder, label: str, rows: Sequence[Row]) -> None:
    """The predicted times of a variant, told by one entry of the legend for all."""
    figure.add_scatter(
        x=[row.context_len for row in rows],
        y=[row.predicted_attend_s for row in rows],
        name=f"{label}, predicted",
        showlegend=False,
        mode="lines",
        line=VARIANT_STYLES[label].line(1.5),
        hoverinfo="skip",
    )


def _add_line_legend(figure: FigureBuilder) -> None:
    """One grey entry for the predictions of all variants."""
    figure.add_scatter(
        x=[None],
        y=[None],
        name=PREDICTED,
        mode="lines",
        line={"color": NEUTRAL, "width": 1.5},
    )


def _add_markers(figure: FigureBuilder, label: str, rows: Sequence[Row]) -> None:
    """Measured times of one kind of evidence; the hover text adds prediction and bound."""
    style, evidence = VARIANT_STYLES[label], rows[0].evidence
    figure.add_scatter(
        x=[row.context_len for row in rows],
        **interval_bars([row.attend.undisturbed for row in rows]),
        name=label,
        showlegend=False,
        mode="markers",
        marker=evidence_marker(style, evidence, 11) | opacities(rows),
        text=[f"{describe_attend(row)}{_describe_model(row)}" for row in rows],
        hovertemplate=f"{label}, {evidence}: %{{text}}<extra></extra>",
    )


def _describe_model(row: Row) -> str:
    """Prediction and bound beside a measured time; empty where they are withheld."""
    texts = []
    if row.predicted_attend_s is not None:
        texts.append(f"predicted {units.duration(row.predicted_attend_s)}")
    if row.bound_s is not None:
        texts.append(f"bound {units.duration(row.bound_s)}")
    return "".join(f", {text}" for text in texts)


def _set_axes(figure: FigureBuilder, rows: Sequence[Row], context_lens: Sequence[int]) -> None:
    """Set axes to whole powers around the data, so that a further row seldom moves them."""
    times = [
        time
        for row in rows
        for time in (row.attend.p5_low, row.attend.p5_high, row.bound_s, row.predicted_attend_s)
        if time is not None
    ]
    contexts = [*context_lens, *(row.context_len for row in rows)]
    figure.update_xaxes(context_axis(*whole_powers(contexts, 4)))
    figure.update_yaxes(seconds_axis(times or SECONDS, "attend (5th percentile, measured)"))
