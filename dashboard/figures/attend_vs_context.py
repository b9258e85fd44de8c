"""Attend time against context: measured with its interval, over predicted lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import Row, row_label
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.context_lines import add_predicted_lines, add_slider_line
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.measured import (
    add_evidence_legend,
    describe_attend,
    evidence_marker,
    opacities,
)
from dashboard.figures.style import (
    FIGURE_PX,
    VARIANT_STYLES,
    context_axis,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units

SECONDS = (1e-5, 1.0)  # the axis where there is nothing to draw


def attend_vs_context(
    rows: Sequence[Row],
    predicted: PredictedSteps | None,
    context_len: int,
    height: int = FIGURE_PX,
) -> go.Figure:
    """Attend time by context: 5th percentiles with their intervals over predicted lines.

    Markers of unusable samples are faint, and open if they were measured elsewhere. A dotted line
    stands at the context of the sliders.
    """
    figure = FigureBuilder()
    by_label = _by_label(rows)
    _set_axes(figure, rows, predicted, context_len)
    add_slider_line(figure, context_len)
    if predicted is not None:
        add_predicted_lines(figure, predicted.context_lens, predicted.attend_s, units.duration)
    for label, label_rows in by_label.items():
        for evidence in dict.fromkeys(row.evidence for row in label_rows):
            _add_markers(figure, label, [row for row in label_rows if row.evidence == evidence])
    add_evidence_legend(figure, rows)
    has_legend = bool(rows) or predicted is not None
    return finish_labelled(figure, _end_labels(by_label, predicted), height, has_legend=has_legend)


def _by_label(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each variant by context, in the order of variants; none without rows."""
    in_order = sorted(rows, key=lambda row: row.context_len)
    by_label = {
        label: [row for row in in_order if row_label(row) == label] for label in VARIANT_STYLES
    }
    return {label: label_rows for label, label_rows in by_label.items() if label_rows}


def _end_labels(
    by_label: Mapping[str, Sequence[Row]], predicted: PredictedSteps | None
) -> list[EndLabel]:
    """The variants' names at the ends of their lines, or beside their longest context."""
    ends = {label: label_rows[-1].attend.p5 for label, label_rows in by_label.items()}
    if predicted is not None:
        ends |= {label: seconds[-1] for label, seconds in predicted.attend_s.items()}
    styles = {label: style for label, style in VARIANT_STYLES.items() if label in ends}
    return [
        EndLabel(label, style.color, style.symbol, ends[label]) for label, style in styles.items()
    ]


def _add_markers(figure: FigureBuilder, label: str, rows: Sequence[Row]) -> None:
    """Measured times of one kind of evidence; the hover text adds the bound."""
    style, evidence = VARIANT_STYLES[label], rows[0].evidence
    figure.add_scatter(
        x=[row.context_len for row in rows],
        **interval_bars([row.attend.undisturbed for row in rows]),
        name=label,
        showlegend=False,
        mode="markers",
        marker=evidence_marker(style, evidence, 11) | opacities(rows),
        text=[f"{describe_attend(row)}{_describe_bound(row)}" for row in rows],
        hovertemplate=f"{label}, {evidence}: %{{text}}<extra></extra>",
    )


def _describe_bound(row: Row) -> str:
    """The bound beside a measured time; empty where it is withheld."""
    return "" if row.bound_s is None else f", bound {units.duration(row.bound_s)}"


def _set_axes(
    figure: FigureBuilder,
    rows: Sequence[Row],
    predicted: PredictedSteps | None,
    context_len: int,
) -> None:
    """Set axes to whole powers around the data, so that a further row seldom moves them."""
    times = [time for row in rows for time in (row.attend.p5_low, row.attend.p5_high)]
    contexts = [context_len, *(row.context_len for row in rows)]
    if predicted is not None:
        times += [time for seconds in predicted.attend_s.values() for time in seconds]
        contexts += predicted.context_lens
    figure.update_xaxes(context_axis(*whole_powers(contexts, 2)))
    figure.update_yaxes(seconds_axis(times or SECONDS, "attend time of one step"))
