"""Time of each variant over MHA's at the same context: below 1 it wins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import plotly.graph_objects as go

from dashboard.data.decode_rows import row_label
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.context_lines import add_predicted_lines
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.measured import add_evidence_legend, evidence_marker
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

Comparisons = Mapping[str, Sequence[PairedResult]]
Ratios = Mapping[str, Sequence[float]]
NO_COMPARISONS: Comparisons = MappingProxyType({})
TITLES: dict[Quantity, str] = {
    "step": "time of the step / MHA's",
    "attend": "time of attending / MHA's",
}


def ratio_vs_context(
    comparisons: Comparisons,
    quantity: Quantity,
    context_lens: Sequence[int],
    *,
    predicted: PredictedSteps | None = None,
    reference: Comparisons = NO_COMPARISONS,
    height: int = FIGURE_PX,
) -> go.Figure:
    """Time over MHA's by context; a band is where a variant crosses over, 1 is MHA itself.

    Bars span the lowest to the highest ratio of the intervals: a win is a bar that ends below 1.
    Results of unusable samples are faint. `reference` are those of another machine, drawn beside;
    predicted ratios are thin lines. The axis always includes `context_lens`.
    """
    figure = FigureBuilder()
    lines = _predicted_ratios(predicted, quantity)
    contexts = [*context_lens, *(predicted.context_lens if predicted else ())]
    low, high = _range([comparisons, reference], quantity, lines)
    _set_axes(figure, contexts, (low, high), TITLES[quantity])
    _add_mha(figure, contexts)
    for name, results in comparisons.items():
        _add_bracket(figure, name, results, quantity, (low, high))
    if predicted is not None:
        add_predicted_lines(figure, predicted.context_lens, lines, units.times)
    for compared in (reference, comparisons):
        for name, results in compared.items():
            _add_markers(figure, name, results, quantity)
    pairs = [
        pair for each in (comparisons, reference) for paired in each.values() for pair in paired
    ]
    add_evidence_legend(figure, [pair.own for pair in pairs])
    labels = _end_labels(comparisons or reference, quantity, lines)
    has_legend = bool(pairs) or predicted is not None
    return finish_labelled(figure, labels, height, has_legend=has_legend)


def _set_axes(
    figure: FigureBuilder, contexts: Sequence[int], ends: tuple[float, float], title: str
) -> None:
    """Set a context axis around these contexts, and an axis of ratios in powers of 2."""
    low, high = ends
    ticks = [2.0**power for power in range(round(math.log2(low)), round(math.log2(high)) + 1)]
    axis = log_axis(low, high, ticks, [units.times(tick) for tick in ticks])
    figure.update_xaxes(context_axis(*whole_powers(contexts, 2)))
    figure.update_yaxes(axis | {"title": {"text": title}})


def _add_mha(figure: FigureBuilder, contexts: Sequence[int]) -> None:
    """MHA itself, at 1."""
    figure.add_scatter(
        x=[min(contexts), max(contexts)],
        y=[1, 1],
        name="MHA",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )


def _range(
    all_comparisons: Sequence[Comparisons], quantity: Quantity, lines: Ratios
) -> tuple[float, float]:
    """Whole powers of 2 around all ratios and MHA's 1."""
    ratios = [
        result.ratio(quantity)
        for comparisons in all_comparisons
        for results in comparisons.values()
        for result in results
    ]
    ends = [end for ratio in ratios for end in (ratio.q1, ratio.q3)]
    predicted = [ratio for values in lines.values() for ratio in values]
    return whole_powers([*ends, *predicted, 0.6, 1.4], 2)


def _predicted_ratios(predicted: PredictedSteps | None, quantity: Quantity) -> Ratios:
    """Predicted times over MHA's, by variant."""
    if predicted is None:
        return {}
    return predicted.step_ratios() if quantity == "step" else predicted.attend_ratios()


def _end_labels(comparisons: Comparisons, quantity: Quantity, lines: Ratios) -> list[EndLabel]:
    """MHA beside 1, and each variant beside its ratio at its longest context."""
    labels = [EndLabel("MHA, 1x", NEUTRAL, "circle", 1)]
    for name, results in comparisons.items():
        if results:
            style, last = VARIANT_STYLES[row_label(results[0].own)], results[-1]
            ratio = last.ratio(quantity).median
            labels.append(EndLabel(name, style.color, style.symbol, ratio))
    if len(labels) == 1:
        styles = {name: VARIANT_STYLES[name] for name in lines}
        labels += [
            EndLabel(name, style.color, style.symbol, lines[name][-1])
            for name, style in styles.items()
        ]
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
