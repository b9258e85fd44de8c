"""How the loss falls while a converted model is trained on: a series for each number of K/V heads.

Markers are medians over seeds, bars reach from the least to the most, and a thin line leads the
eye. What was measured elsewhere stands a little to the right of what was measured here.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.quality import LossSeries
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    ELSEWHERE,
    GRID,
    finish,
    loss_axis,
    medians,
    style_for_sharing,
)
from gqa_core.records.record import MEASURED_ELSEWHERE

BESIDE = 0.3  # percent of the steps
NO_LOSSES = (1.0, 4.0)  # the axis where there is nothing to draw


def loss_vs_percent(
    found: Sequence[LossSeries], percents: Sequence[int], losses: Sequence[float]
) -> go.Figure:
    """Loss against uptraining; the axes hold all of `percents` and `losses`, drawn or not."""
    figure = FigureBuilder()
    for one in found:
        _add_series(figure, one)
    figure.update_xaxes(
        title={"text": "uptraining (% of the training's steps)"},
        range=[-0.05 * max(percents), 1.05 * max(percents)],
        tickvals=list(percents),
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(loss_axis(losses or NO_LOSSES))
    return finish(figure, height=460, showlegend=True)


def _add_series(figure: FigureBuilder, one: LossSeries) -> None:
    look, elsewhere = (
        style_for_sharing(one.n_heads, one.n_kv_heads),
        one.evidence == MEASURED_ELSEWHERE,
    )
    figure.add_scatter(
        x=[percent + BESIDE * elsewhere for percent in one.spreads],
        **medians(list(one.spreads.values())),
        name=f"{one.name}, elsewhere" if elsewhere else one.name,
        mode="lines+markers",
        cliponaxis=False,
        line=look.line(1),
        marker={
            "color": look.color,
            "symbol": look.symbol + (ELSEWHERE if elsewhere else ""),
            "size": 9,
            "line": {"width": 1.5 if elsewhere else 0},
        },
        text=[
            f"{percent}%: {middle:.3f} ({low:.3f} to {high:.3f})"
            for percent, (low, middle, high) in one.spreads.items()
        ],
        hovertemplate=f"{one.name}, {one.evidence}, at %{{text}}<extra></extra>",
    )
