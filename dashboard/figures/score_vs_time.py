"""The GQA paper's scores against time: one open marker per model, beside its name."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import GRID, OPEN, VARIANT_STYLES, finish
from gqa_core.catalog.results import SCORE, TIME, PublishedResult

MAX_TIME_S, SCORES = 1.8, (45.5, 47.7)  # the axes, around all four models of that table


def score_vs_time(results: Sequence[PublishedResult]) -> go.Figure:
    """Average score against time per sample; models without both are left out."""
    figure = FigureBuilder()
    times, scores = (
        {result.model: result for result in results if result.measure == measure}
        for measure in (TIME, SCORE)
    )
    for model, score in scores.items():
        if model in times:
            _add_model(figure, times[model].value, score)
    axis = {"gridcolor": GRID, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(
        axis | {"range": [0, MAX_TIME_S], "title": {"text": "time per sample (s, published)"}}
    )
    figure.update_yaxes(
        axis | {"range": list(SCORES), "title": {"text": "average score (higher is better)"}}
    )
    return finish(figure, height=360, showlegend=False, margin={"b": 56})


def _add_model(figure: FigureBuilder, time_s: float, score: PublishedResult) -> None:
    style = VARIANT_STYLES[score.variant]
    figure.add_scatter(
        x=[time_s],
        y=[score.value],
        name=score.model,
        mode="markers+text",
        text=[score.model],
        textposition="top left" if time_s > MAX_TIME_S / 2 else "bottom right",
        marker={
            "color": style.color,
            "symbol": style.symbol + OPEN,
            "size": 12,
            "line": {"width": 2},
        },
        hovertemplate=f"{score.model}: %{{y}} in %{{x}} s ({score.source})<extra></extra>",
    )
