"""Time of generating against the number of tokens: measured markers, and fitted powers of n."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.generation import Series
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    ELSEWHERE,
    MODE_STYLES,
    OPEN,
    context_axis,
    finish,
    interval_bars,
    seconds_axis,
    whole_powers,
)
from gqa_core import units
from gqa_core.records.header import MEASURED_HERE, Evidence
from gqa_core.theory.fit import PowerFit


def step_vs_tokens(all_series: Sequence[Series], evidence: Evidence = MEASURED_HERE) -> go.Figure:
    """Median time of the step that adds token n; bars span the interquartile range."""
    figure = FigureBuilder()
    for series in all_series:
        _add(figure, series, series.step_fit, evidence, **interval_bars(series.steps))
    times = [time for series in all_series for step in series.steps for time in (step.q1, step.q3)]
    return _finish(figure, all_series, times, f"time of step n (median, {evidence})")


def total_vs_tokens(all_series: Sequence[Series], evidence: Evidence = MEASURED_HERE) -> go.Figure:
    """Time of all steps up to token n, each counted once."""
    figure = FigureBuilder()
    for series in all_series:
        _add(figure, series, series.total_fit, evidence, y=list(series.totals))
    times = [time for series in all_series for time in series.totals]
    return _finish(figure, all_series, times, f"time of steps 1 to n ({evidence})")


def _add(
    figure: FigureBuilder,
    series: Series,
    fit: PowerFit | None,
    evidence: Evidence,
    *,
    y: Sequence[float],
    **error_bars: object,
) -> None:
    style = MODE_STYLES[series.mode, series.part]
    figure.add_scatter(
        x=list(series.lengths),
        y=y,
        name=series.name,
        mode="markers",
        cliponaxis=False,
        marker=style.marker(8) | {"symbol": _symbol(style.symbol, evidence)},
        text=[units.duration(value) for value in y],
        hovertemplate=f"{series.name} at %{{x:,}} tokens: %{{text}}<extra></extra>",
        **error_bars,
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
        line=style.line(1.5),
        hovertemplate=f"{series.name}: fitted exponent {power}<extra></extra>",
    )


def _symbol(symbol: str, evidence: Evidence) -> str:
    """The symbol of a marker: open with a dot if it was measured elsewhere, open ones with an x."""
    if evidence == MEASURED_HERE:
        return symbol
    return symbol.replace(OPEN, "-x-open") if OPEN in symbol else symbol + ELSEWHERE


def _finish(
    figure: FigureBuilder, all_series: Sequence[Series], times: Sequence[float], title: str
) -> go.Figure:
    """Set axes to whole powers around the data, so that a further run seldom moves them."""
    lengths = [length for series in all_series for length in series.lengths] or [16, 4096]
    figure.update_xaxes(context_axis(*whole_powers(lengths, 4)) | {"title": {"text": "token n"}})
    figure.update_yaxes(seconds_axis(times or [1e-5, 1.0], title))
    return finish(figure, height=480)
