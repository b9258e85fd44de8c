"""A variant's time over MHA's at the same context: below one it wins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    FAINT,
    NEUTRAL,
    VARIANT_STYLES,
    context_axis,
    finish,
    log_axis,
    medians,
    translucent,
    whole_powers,
)
from gqa_core import units
from gqa_core.theory.crossover import PairedResult, crossover

TITLES = {"step": "time of the step / MHA's", "attend": "time of attending / MHA's"}


def ratio_vs_context(
    fought: Mapping[str, Sequence[PairedResult]], quantity: str, context_lens: Sequence[int]
) -> go.Figure:
    """Medians over MHA's by context; a band is where a variant crosses over, one is MHA itself.

    Bars go from the ratio at best to that at worst, by the quartiles of both: a win is a bar that
    ends below one. What other work disturbed is faint. The axis holds `context_lens` in any case.
    """
    figure = FigureBuilder()
    ratios = [duel.ratio(quantity) for mine in fought.values() for duel in mine]
    low, high = whole_powers([one for ends in ratios for one in ends] + [0.6, 1.4], 2)
    ends = [min(context_lens), max(context_lens)]
    figure.add_scatter(
        x=ends,
        y=[1, 1],
        name="MHA",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    for name, mine in fought.items():
        _add_bracket(figure, name, mine, quantity, (low, high))
    for name, mine in fought.items():
        _add_markers(figure, name, mine, quantity)
    figure.update_xaxes(context_axis(*whole_powers(ends, 4)))
    ticks = [2.0**power for power in range(round(math.log2(low)), round(math.log2(high)) + 1)]
    axis = log_axis(low, high, ticks, [units.times(tick) for tick in ticks])
    figure.update_yaxes(axis | {"title": {"text": f"{TITLES[quantity]} (measured here)"}})
    return finish(figure, height=440)


def _add_bracket(
    figure: FigureBuilder,
    name: str,
    mine: Sequence[PairedResult],
    quantity: str,
    height: tuple[float, float],
) -> None:
    bracket = crossover(mine, quantity).bracket
    if bracket is None:
        return
    look = VARIANT_STYLES[mine[0].own["label"]]
    (left, right), (low, high) = bracket, height
    figure.add_scatter(
        x=[left, right, right, left],
        y=[low, low, high, high],
        name=f"{name} crosses over",
        showlegend=False,
        mode="lines",
        fill="toself",
        fillcolor=translucent(look.color),
        line={"width": 0},
        hoveron="fills",
        text=f"{name} crosses over between {left:,} and {right:,} tokens",
        hoverinfo="text",
    )


def _add_markers(
    figure: FigureBuilder, name: str, mine: Sequence[PairedResult], quantity: str
) -> None:
    look, ratios = VARIANT_STYLES[mine[0].own["label"]], [duel.ratio(quantity) for duel in mine]
    figure.add_scatter(
        x=[duel.context_len for duel in mine],
        **medians(ratios),
        name=name,
        mode="markers",
        cliponaxis=False,
        marker=look.marker(10) | {"opacity": [1 if duel.is_valid else FAINT for duel in mine]},
        text=[
            f"{duel.context_len:,} tokens: {units.duration(duel.own[f'{quantity}_s'])} / "
            f"{units.duration(duel.mha[f'{quantity}_s'])} = {units.times(duel.ratio(quantity)[1])}"
            f"{'' if duel.is_valid else ', disturbed'}"
            for duel in mine
        ],
        hovertemplate=f"{name} at %{{text}}<extra></extra>",
    )
