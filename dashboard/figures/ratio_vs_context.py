"""Time of each variant over MHA's at the same context: below 1 it wins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.measured import evidence_marker
from dashboard.figures.style import (
    FAINT,
    FIGURE_PX,
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    interval_bars,
    log_axis,
    translucent,
    whole_powers,
)
from gqa_core import units
from gqa_core.records.crossover import PairedResult, Quantity, crossover, times

TITLES: dict[Quantity, str] = {
    "step": "time of the step / MHA's",
    "attend": "time of attending / MHA's",
}


def ratio_vs_context(
    comparisons: Mapping[str, Sequence[PairedResult]],
    quantity: Quantity,
    context_lens: Sequence[int],
    height: int = FIGURE_PX,
) -> go.Figure:
    """Time over MHA's by context; a band is where a variant crosses over, 1 is MHA itself.

    Bars span the lowest to the highest ratio of the intervals: a win is a bar that ends below 1.
    Results of unusable samples are faint. The axis always includes `context_lens`.
    """
    figure = FigureBuilder()
    ratios = [result.ratio(quantity) for results in comparisons.values() for result in results]
    low, high = whole_powers(
        [end for ratio in ratios for end in (ratio.q1, ratio.q3)] + [0.6, 1.4], 2
    )
    ends = [min(context_lens), max(context_lens)]
    figure.add_scatter(
        x=ends,
        y=[1, 1],
        name="MHA",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    for name, results in comparisons.items():
        _add_bracket(figure, name, results, quantity, (low, high))
    for name, results in comparisons.items():
        _add_markers(figure, name, results, quantity)
    figure.update_xaxes(context_axis(*whole_powers(ends, 4)))
    ticks = [2.0**power for power in range(round(math.log2(low)), round(math.log2(high)) + 1)]
    axis = log_axis(low, high, ticks, [units.times(tick) for tick in ticks])
    figure.update_yaxes(axis | {"title": {"text": f"{TITLES[quantity]} (measured)"}})
    return finish_labelled(figure, _end_labels(comparisons, quantity), height)


def _end_labels(
    comparisons: Mapping[str, Sequence[PairedResult]], quantity: Quantity
) -> list[EndLabel]:
    """MHA beside 1, and each variant beside its ratio at its longest context."""
    labels = [EndLabel("MHA, 1x", NEUTRAL, "circle", 1)]
    for name, results in comparisons.items():
        if results:
            style, last = VARIANT_STYLES[row_label(results[0].own)], results[-1]
            ratio = last.ratio(quantity).median
            labels.append(EndLabel(name, style.color, style.symbol, ratio))
    return labels


def _add_bracket(
    figure: FigureBuilder,
    name: str,
    results: Sequence[PairedResult],
    quantity: Quantity,
    height: tuple[float, float],
) -> None:
    bracket = crossover(results, quantity).bracket
    if bracket is None:
        return
    style = VARIANT_STYLES[row_label(results[0].own)]
    (left, right), (low, high) = bracket, height
    figure.add_scatter(
        x=[left, right, right, left],
        y=[low, low, high, high],
        name=f"{name} crosses over",
        showlegend=False,
        mode="lines",
        fill="toself",
        fillcolor=translucent(style.color),
        line={"width": 0},
        hoveron="fills",
        text=f"{name} crosses over between {left:,} and {right:,} tokens",
        hoverinfo="text",
    )


def _add_markers(
    figure: FigureBuilder, name: str, results: Sequence[PairedResult], quantity: Quantity
) -> None:
    style, ratios = (
        VARIANT_STYLES[row_label(results[0].own)],
        [result.ratio(quantity) for result in results],
    )
    figure.add_scatter(
        x=[result.context_len for result in results],
        **interval_bars(ratios),
        name=name,
        showlegend=False,
        mode="markers",
        cliponaxis=False,
        marker=evidence_marker(style, results[0].own.evidence, 10)
        | {"opacity": [1 if result.is_valid else FAINT for result in results]},
        text=[_describe_result(result, quantity) for result in results],
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
    )


def _describe_result(result: PairedResult, quantity: Quantity) -> str:
    own, mha = (units.duration(times(row, quantity).p5) for row in (result.own, result.mha))
    ratio = units.times(result.ratio(quantity).median)
    disturbed = "" if result.is_valid else ", unusable samples"
    return f"{own} / {mha} = {ratio}{disturbed}"
