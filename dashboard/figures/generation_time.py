"""How the time of generating grows with its tokens: measured markers, and a fitted power each."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.generation import Series
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    MODE_STYLES,
    context_axis,
    finish,
    medians,
    seconds_axis,
    whole_powers,
)
from gqa_core import units
from gqa_core.theory.fit import PowerFit


def step_vs_tokens(found: Sequence[Series]) -> go.Figure:
    """Median time of the step that adds token n; bars span the interquartile range."""
    figure = FigureBuilder()
    for one in found:
        _add(figure, one, one.step_fit, **medians(one.steps))
    times = [time for one in found for step in one.steps for time in step]
    return _laid_out(figure, found, times, "time of step n (median, measured here)")


def total_vs_tokens(found: Sequence[Series]) -> go.Figure:
    """Time of all steps up to token n, each taken once."""
    figure = FigureBuilder()
    for one in found:
        _add(figure, one, one.total_fit, y=list(one.totals))
    times = [time for one in found for time in one.totals]
    return _laid_out(figure, found, times, "time of steps 1 to n (measured here)")


def _add(
    figure: FigureBuilder, one: Series, fit: PowerFit | None, *, y: Sequence[float], **how: object
) -> None:
    look = MODE_STYLES[one.mode, one.part]
    figure.add_scatter(
        x=list(one.lengths),
        y=y,
        name=one.name,
        mode="markers",
        cliponaxis=False,
        marker=look.marker(8),
        text=[units.duration(value) for value in y],
        hovertemplate=f"{one.name} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        **how,
    )
    if fit is None:
        return
    power = units.exponent(fit.exponent, fit.standard_error)
    ends = [fit.first, fit.last]
    figure.add_scatter(
        x=ends,
        y=[fit.predict(end) for end in ends],
        name=f"its fit: exponent {power}",
        mode="lines",
        line=look.line(1.5),
        hovertemplate=f"{one.name}: fitted exponent {power}<extra></extra>",
    )


def _laid_out(
    figure: FigureBuilder, found: Sequence[Series], times: Sequence[float], title: str
) -> go.Figure:
    """Whole powers around markers and bars, so that a further run seldom moves the axes."""
    lengths = [length for one in found for length in one.lengths] or [16, 4096]
    figure.update_xaxes(context_axis(*whole_powers(lengths, 4)) | {"title": {"text": "token n"}})
    figure.update_yaxes(seconds_axis(times or [1e-5, 1.0], title))
    return finish(figure, height=480)
