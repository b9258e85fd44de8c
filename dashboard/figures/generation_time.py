"""How the time of generating grows with its tokens: measured markers, and a fitted power each."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import (
    WAY_LOOKS,
    context_axis,
    laid_out,
    quartile_bars,
    seconds_axis,
    whole_powers,
)
from dashboard.generation import Series
from gqa_core import units
from gqa_core.theory.fit import PowerFit


def step_vs_tokens(found: Sequence[Series]) -> go.Figure:
    """Median time of the step that adds token n; bars span the interquartile range."""
    figure = go.Figure()
    for one in found:
        middles = [middle for _, middle, _ in one.steps]
        _add(figure, one, middles, one.step_fit, error_y=quartile_bars(one.steps))
    return _laid_out(figure, "step n (median, measured here)")


def total_vs_tokens(found: Sequence[Series]) -> go.Figure:
    """Time of all steps up to token n, each taken once."""
    figure = go.Figure()
    for one in found:
        _add(figure, one, one.totals, one.total_fit)
    return _laid_out(figure, "steps 1 to n (measured here)")


def _add(
    figure: go.Figure, one: Series, seconds: Sequence[float], fit: PowerFit | None, **how: object
) -> None:
    look, name = WAY_LOOKS[one.way, one.part], f"{one.part}, {one.way}"
    figure.add_scatter(
        x=list(one.lengths),
        y=list(seconds),
        name=name,
        mode="markers",
        marker={"color": look.color, "symbol": look.symbol, "size": 8},
        text=[units.duration(value) for value in seconds],
        hovertemplate=f"{name} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        **how,
    )
    if fit is None:
        return
    power = units.exponent(fit.exponent, fit.standard_error)
    ends = [fit.first, fit.last]
    figure.add_scatter(
        x=ends,
        y=[fit.at(end) for end in ends],
        name=f"fit n^{power}",
        mode="lines",
        line={"color": look.color, "dash": look.dash, "width": 1.5},
        hovertemplate=f"{name}: fit n^{power}<extra></extra>",
    )


def _laid_out(figure: go.Figure, title: str) -> go.Figure:
    """Whole powers around the markers, so that a further run seldom moves the axes."""
    markers = [trace for trace in figure.data if trace.mode == "markers"]
    lengths = [x for trace in markers for x in trace.x] or [16, 4096]
    times = [y for trace in markers for y in trace.y] or [1e-5, 1.0]
    figure.update_xaxes(context_axis(*whole_powers(lengths, 4)) | {"title": {"text": "token n"}})
    figure.update_yaxes(seconds_axis(times, title))
    return laid_out(figure, height=480)
