"""Rows of stacked bars with a legend above, named at their left."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import LEGEND_ABOVE, finish

__all__ = ["finish_stacked_bars"]

TOP_PX, BOTTOM_PX = 44, 52


def finish_stacked_bars(
    figure: FigureBuilder, names: Sequence[str], *, bar_px: int, left_px: int
) -> go.Figure:
    """The figure with a row per name, the first on top; the bars stand at 0, 1, 2, ..."""
    figure.update_yaxes(
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        range=[len(names) - 0.5, -0.5],
        tickvals=[*range(len(names))],
        ticktext=list(names),
    )
    return finish(
        figure,
        height=bar_px * len(names) + TOP_PX + BOTTOM_PX,
        barmode="stack",
        legend=LEGEND_ABOVE,
        margin={"l": left_px, "r": 16, "t": TOP_PX, "b": BOTTOM_PX},
    )
