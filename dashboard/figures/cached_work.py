"""Work of step n against n on linear axes: a line with a cache, a parabola without.

Lines are score cells by formula, on the left axis. Markers are measured seconds, on the right one.
One factor joins the axes, so that they agree at the longest step without a cache.
"""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.data.cached_work import CachedWork
from dashboard.data.generation import MODE_NAMES
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    ELSEWHERE,
    FIGURE_PX,
    GRID,
    MODE_STYLES,
    finish,
)
from gqa_core import units
from gqa_core.records.header import MEASURED_HERE
from gqa_core.records.specs.generate import Mode
from gqa_core.theory.score_cells import step_cells

ROOM = 1.08  # of an axis above its largest number
RIGHT = 84  # pixels of the axis of seconds


def cached_work_figure(work: CachedWork) -> go.Figure:
    """Cells of each step with and without a cache, and measured times where there are some."""
    figure = FigureBuilder()
    most = max(cells[-1] for cells in work.cells.values()) * ROOM
    for mode, cells in work.cells.items():
        figure.add_scatter(
            x=list(work.lengths),
            y=list(cells),
            name=f"{MODE_NAMES[mode]}, formula",
            mode="lines",
            line=MODE_STYLES[mode, "attention"].line(2.5),
            hovertemplate="%{y:,} score cells<extra>" + MODE_NAMES[mode] + "</extra>",
        )
    _add_names(figure, work)
    if work.cells_per_s:
        for mode in work.measured:
            _add_measured(figure, work, mode)
        _add_seconds_axis(figure, work, most / work.cells_per_s)
    figure.update_xaxes(
        title={"text": "token n"},
        range=[0, work.context_len * 1.02],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        nticks=7,
        unifiedhovertitle={"text": "step %{x:,}"},
        showspikes=False,
    )
    figure.update_yaxes(
        title={"text": "score cells of step n"},
        range=[0, most],
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
        tickformat="~s",
        nticks=6,
    )
    return finish(
        figure,
        FIGURE_PX,
        margin={"l": 68, "t": 8, "b": 54, "r": RIGHT if work.cells_per_s else 16},
        showlegend=False,
        hovermode="x unified",
    )


def _add_names(figure: FigureBuilder, work: CachedWork) -> None:
    """Each mode's name and formula beside its line."""
    bend = round(0.78 * work.context_len)
    for mode, x, formula in (
        ("recomputed", bend, "n (n + 1) / 2"),
        ("cached", work.context_len, "n"),
    ):
        figure.add_annotation(
            x=x,
            y=step_cells(x, cached=mode == "cached"),
            xanchor="right",
            yanchor="bottom",
            xshift=-6,
            yshift=4,
            text=f"<b>{MODE_NAMES[mode]}</b>: {formula}",
            showarrow=False,
            font={"size": 13},
        )


def _add_measured(figure: FigureBuilder, work: CachedWork, mode: Mode) -> None:
    """Markers on the axis of seconds: filled if measured here, open with a dot if elsewhere."""
    style, steps = MODE_STYLES[mode, "attention"], work.measured[mode]
    suffix = "" if work.evidence == MEASURED_HERE else ELSEWHERE
    figure.add_scatter(
        x=list(steps.lengths),
        y=list(steps.seconds),
        yaxis="y2",
        name=f"{MODE_NAMES[mode]}, measured",
        mode="markers",
        cliponaxis=False,
        marker=style.marker(9) | {"symbol": style.symbol + suffix},
        text=[units.duration(seconds) for seconds in steps.seconds],
        hovertemplate="%{text}<extra>" + f"{MODE_NAMES[mode]}, {work.evidence}</extra>",
    )


def _add_seconds_axis(figure: FigureBuilder, work: CachedWork, most_s: float) -> None:
    """The right axis, on which the longest step without a cache is as high as its cells."""
    ticks = [most_s / ROOM * part / 4 for part in range(5)]
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "title": {"text": f"attention, {work.evidence}", "standoff": 8},
            "range": [0, most_s],
            "tickvals": ticks,
            "ticktext": ["0", *(units.duration(tick) for tick in ticks[1:])],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        }
    )
