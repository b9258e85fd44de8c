"""How long attending takes here: measured medians with their spread, the bound, the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.sketch import Sketch
from dashboard.figures.style import (
    ATTEND_SPREAD,
    LOOKS,
    NEUTRAL,
    attend_spreads,
    context_axis,
    laid_out,
    medians,
    seconds_axis,
    whole_powers,
)
from gqa_core import units

SECONDS = (1e-5, 1.0)  # the axis where there is nothing to draw

Row = Mapping[str, Any]


BOUND, PREDICTED = "bound: one read, or the arithmetic", "predicted: floor + bound"


def attend_vs_context(rows: Sequence[Row], context_lens: Sequence[int]) -> go.Figure:
    """Median attend time by context; bars span the interquartile range, bounds are dashed grey.

    What was predicted is a thin line in the variant's colour. Rows as `gqa_core.measure.record.row`
    makes them, with `label` naming a look of style.LOOKS; the axis holds `context_lens` in any
    case.
    """
    figure = Sketch()
    named: set[str] = set()
    for label in LOOKS:
        mine = sorted(
            (row for row in rows if row["label"] == label), key=lambda row: row["context_len"]
        )
        told = [row for row in mine if row["predicted_attend_s"] is not None]
        grey = {"color": NEUTRAL, "dash": "dash", "width": 1}
        _add_line(figure, label, mine, "bound_s", BOUND, grey, named)
        own = LOOKS[label].line(1.5)
        _add_line(figure, label, told, "predicted_attend_s", PREDICTED, own, named)
        _add_markers(figure, label, mine)
    times = [
        row[name]
        for row in rows
        for name in (*ATTEND_SPREAD, "bound_s", "predicted_attend_s")
        if row[name] is not None
    ]
    contexts = [*context_lens, *(row["context_len"] for row in rows)]
    _set_axes(figure, contexts, times)
    return laid_out(figure, height=420)


def _add_line(
    figure: Sketch,
    label: str,
    rows: Sequence[Row],
    field: str,
    name: str,
    line: dict[str, Any],
    named: set[str],
) -> None:
    """A time that theory gives; one entry of the legend stands for that of all variants."""
    if not rows:
        return
    what = name.partition(":")[0]
    figure.add_scatter(
        x=[row["context_len"] for row in rows],
        y=[row[field] for row in rows],
        name=name,
        legendgroup=name,
        showlegend=name not in named,
        mode="lines",
        line=line,
        text=[units.duration(row[field]) for row in rows],
        hovertemplate=f"{label}, {what} at %{{x:,}} tokens: %{{text}}<extra></extra>",
    )
    named.add(name)


def _add_markers(figure: Sketch, label: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    figure.add_scatter(
        x=[row["context_len"] for row in rows],
        **medians(attend_spreads(rows)),
        name=label,
        mode="markers",
        marker=LOOKS[label].marker(11),
        text=[units.duration(row["attend_s"]) for row in rows],
        hovertemplate=f"{label} at %{{x:,}} tokens: %{{text}}<extra></extra>",
    )


def _set_axes(figure: Sketch, contexts: Sequence[int], times: Sequence[float]) -> None:
    """Whole powers around what there is, so that a further row seldom moves the axes."""
    figure.update_xaxes(context_axis(*whole_powers(contexts, 4)))
    figure.update_yaxes(seconds_axis(times or SECONDS, "attend (median, measured here)"))
