"""Loss of converted models against uptraining: one series per number of K/V heads.

Markers are medians over seeds, bars reach from the least to the most, and a thin line guides the
eye. Markers measured elsewhere are a little to the right of those measured here.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.quality import LossSeries
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.style import (
    ELSEWHERE,
    GRID,
    loss_axis,
    spread_bars,
    style_for_sharing,
)
from gqa_core.records.header import MEASURED_ELSEWHERE

SHIFT = 0.3  # percent of the steps
NO_LOSSES = (1.0, 4.0)  # the axis where there is nothing to draw
HEIGHT = 380


def loss_vs_percent(
    all_series: Sequence[LossSeries], percents: Sequence[int], losses: Sequence[float]
) -> go.Figure:
    """Loss against uptraining; the axes include all of `percents` and `losses`, drawn or not."""
    figure = FigureBuilder()
    for series in all_series:
        _add_series(figure, series)
    figure.update_xaxes(
        title={"text": "uptraining (% of the training's steps)"},
        range=[-0.05 * max(percents), 1.05 * max(percents)],
        tickvals=list(percents),
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(loss_axis(losses or NO_LOSSES))
    return finish_labelled(figure, _end_labels(all_series), HEIGHT)


def _end_labels(all_series: Sequence[LossSeries]) -> list[EndLabel]:
    """The K/V heads of each line, with its evidence if there are two kinds."""
    evidence = {series.evidence for series in all_series}
    labels = []
    for series in all_series:
        style = style_for_sharing(series.n_heads, series.n_kv_heads)
        suffix = ", elsewhere" if len(evidence) > 1 and _is_elsewhere(series) else ""
        name = f"{series.variant} {series.n_kv_heads}{suffix}"
        _, median, _ = list(series.spreads.values())[-1]
        labels.append(EndLabel(name, style.color, style.symbol, median))
    return labels


def _is_elsewhere(series: LossSeries) -> bool:
    return series.evidence == MEASURED_ELSEWHERE


def _add_series(figure: FigureBuilder, series: LossSeries) -> None:
    style, elsewhere = (
        style_for_sharing(series.n_heads, series.n_kv_heads),
        _is_elsewhere(series),
    )
    figure.add_scatter(
        x=[percent + SHIFT * elsewhere for percent in series.spreads],
        **spread_bars(list(series.spreads.values())),
        name=f"{series.name}, elsewhere" if elsewhere else series.name,
        mode="lines+markers",
        cliponaxis=False,
        line=style.line(1),
        marker={
            "color": style.color,
            "symbol": style.symbol + (ELSEWHERE if elsewhere else ""),
            "size": 9,
            "line": {"width": 1.5 if elsewhere else 0},
        },
        text=[
            f"{percent}%: {middle:.3f} ({low:.3f} to {high:.3f})"
            for percent, (low, middle, high) in series.spreads.items()
        ],
        hovertemplate=f"{series.name}, {series.evidence}, at %{{text}}<extra></extra>",
    )
