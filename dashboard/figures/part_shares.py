"""The share of each part in what a model keeps, at several contexts, with the sum beside it."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.parts import PartBytes, PartShares
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import GRID, PART_STYLES, PATTERN, finish
from gqa_core import units
from gqa_core.theory.parts import MemoryPart

BAR, TOP = 30, 150  # pixels of one bar, and of all else
TOTALS_X = 1.02  # of the width: the sums stand to the right of the bars


def part_shares_figure(shares: PartShares) -> go.Figure:
    """One bar per context, the shortest on top, in which the parts add up to the whole."""
    figure = FigureBuilder()
    names = [f"{units.tokens(n_tokens)} tokens" for n_tokens in shares.contexts]
    for index, entry in enumerate(shares.rows[0]):
        _add_part(figure, entry.part, names, [row[index] for row in shares.rows])
    for name, total in zip(names, shares.totals, strict=True):
        figure.add_annotation(
            x=TOTALS_X,
            xref="paper",
            xanchor="left",
            y=name,
            text=units.capacity(total),
            showarrow=False,
        )
    figure.update_xaxes(
        range=[0, 1],
        tickformat=".0%",
        fixedrange=True,
        gridcolor=GRID,
        title={"text": "share of all that is kept (formula)"},
    )
    figure.update_yaxes(fixedrange=True, autorange="reversed", showgrid=False)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"}
    height = BAR * len(names) + TOP
    margin = {"l": 90, "r": 84, "t": 70, "b": 60}
    return finish(figure, height, barmode="stack", bargap=0.2, legend=legend, margin=margin)


def _add_part(
    figure: FigureBuilder, part: MemoryPart, names: Sequence[str], entries: Sequence[PartBytes]
) -> None:
    kind = part.kind if part.cap is None else "window cache"
    color, pattern = PART_STYLES[kind]
    label = f"{part.kind}, {units.count(part.n_layers, 'layer')}"
    figure.add_bar(
        name=label,
        orientation="h",
        y=list(names),
        x=[entry.share for entry in entries],
        marker={"color": color, "pattern": PATTERN | {"shape": pattern}, "line": {"width": 0}},
        text=[
            f"{units.capacity(entry.n_bytes)}, {units.percent(entry.share)}" for entry in entries
        ],
        textposition="none",
        hovertemplate=f"{label} at %{{y}}: %{{text}} (formula)<extra></extra>",
    )
