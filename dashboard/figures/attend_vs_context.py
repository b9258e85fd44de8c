"""How long attending takes here: measured medians with their spread, and the time of one read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.style import (
    ATTEND_SPREAD,
    LOOKS,
    NEUTRAL,
    context_axis,
    laid_out,
    quartile_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units

SECONDS = (1e-5, 1.0)  # the axis where there is nothing to draw


def attend_vs_context(rows: Sequence[Mapping[str, Any]], context_lens: Sequence[int]) -> go.Figure:
    """Median attend time by context; bars span the interquartile range, bounds are dashed grey.

    Rows as `gqa_core.measure.record.row` makes them, with `label` naming a look of style.LOOKS;
    the axis holds `context_lens` in any case.
    """
    figure = go.Figure()
    labels = [label for label in LOOKS if any(row["label"] == label for row in rows)]
    for label in labels:
        mine = sorted(
            (row for row in rows if row["label"] == label), key=lambda row: row["context_len"]
        )
        figure.add_scatter(
            x=[row["context_len"] for row in mine],
            y=[row["bound_s"] for row in mine],
            name="bound: reading the cache once",
            legendgroup="bound",
            showlegend=label == labels[0],
            mode="lines",
            line={"color": NEUTRAL, "dash": "dash", "width": 1},
            text=[units.duration(row["bound_s"]) for row in mine],
            hovertemplate=f"{label} bound at %{{x:,}} tokens: %{{text}}<extra></extra>",
        )
        figure.add_scatter(
            x=[row["context_len"] for row in mine],
            y=[row["attend_s"] for row in mine],
            name=f"{label}",
            mode="markers",
            marker={"color": LOOKS[label].color, "symbol": LOOKS[label].symbol, "size": 11},
            error_y=quartile_bars(
                [(row["attend_q1_s"], row["attend_s"], row["attend_q3_s"]) for row in mine]
            ),
            text=[units.duration(row["attend_s"]) for row in mine],
            hovertemplate=f"{label} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        )
    times = [row[name] for row in rows for name in (*ATTEND_SPREAD, "bound_s")]
    contexts = [*context_lens, *(row["context_len"] for row in rows)]
    _set_axes(figure, contexts, times)
    return laid_out(figure, height=420)


def _set_axes(figure: go.Figure, contexts: Sequence[int], times: Sequence[float]) -> None:
    """Whole powers around what there is, so that a further row seldom moves the axes."""
    figure.update_xaxes(context_axis(*whole_powers(contexts, 4)))
    figure.update_yaxes(seconds_axis(times or SECONDS, "attend (median, measured here)"))
