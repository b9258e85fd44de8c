"""Names at the right ends of lines in place of a legend, pushed apart where lines end close by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import LABELLED_MARGIN, LEGEND_ABOVE, LEGEND_PX, finish
from dashboard.figures.text import literal

LINE_PX = 16  # pixels from one label to the next
MAX_LETTERS = 16  # of a name: "MHA 8, elsewhere"
SYMBOL_PX, LETTER_PX = 26, 7  # of a label: its symbol and space around, and a letter
SYMBOLS = {  # a marker's symbol as a character in front of the name
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "triangle-down": "▼",
    "pentagon": "⬟",
    "hexagon": "⬢",
    "star": "★",
}


@dataclass(frozen=True, slots=True)
class EndLabel:
    """A line's name, colour and marker symbol, and the value at which it ends."""

    name: str
    color: str
    symbol: str
    value: float


def finish_labelled(
    figure: FigureBuilder,
    labels: Sequence[EndLabel],
    height: int,
    *,
    has_legend: bool = False,
    **more: Any,
) -> go.Figure:
    """The figure with its labels; hovering shows all lines at one place of the x axis.

    With `has_legend`, a legend of one line above the axes tells of what is not a line.
    """
    longest = max((len(_short(label.name)) for label in labels), default=0)
    margin = LABELLED_MARGIN | {"r": SYMBOL_PX + LETTER_PX * longest}
    margin["t"] += LEGEND_PX * has_legend
    add_end_labels(figure, labels, height - margin["t"] - margin["b"])
    return finish(
        figure,
        height,
        margin=margin,
        showlegend=has_legend,
        legend=LEGEND_ABOVE,
        hovermode="x unified",
        **more,
    )


def add_end_labels(figure: FigureBuilder, labels: Sequence[EndLabel], plot_height: float) -> None:
    """Write each name beside the end of its line, right of the axes.

    The text has the page's colour, because a line's own is too pale to be read; only the symbol in
    front of it has the line's. `plot_height` is that of the axes in pixels; the y axis must have
    its range.
    """
    axis = figure.layout["yaxis"]
    places = [_place(axis, label.value) * plot_height for label in labels]
    for label, place in zip(labels, spread_apart(places, LINE_PX, plot_height), strict=True):
        symbol = f'<span style="color: {label.color}">{SYMBOLS.get(label.symbol, "●")}</span>'
        figure.add_annotation(
            text=f"{symbol} {literal(_short(label.name))}",
            x=1,
            xref="paper",
            xanchor="left",
            xshift=2,
            y=place / plot_height,
            yref="paper",
            yanchor="middle",
            showarrow=False,
            align="left",
        )


def _short(name: str) -> str:
    """A name that leaves room for the axes on a phone."""
    return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"


def spread_apart(places: Sequence[float], gap: float, height: float) -> list[float]:
    """Places at least `gap` apart, in their order, as near to the given ones as they can be.

    They stay between 0 and `height` where there is room for all of them. This is the least-squares
    fit under these gaps: places that would be too close become one block around their mean.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    blocks: list[list[float]] = []  # of places less their gaps
    for rank, index in enumerate(order):
        blocks.append([places[index] - rank * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    highest = max(height - gap * (len(places) - 1), 0)
    starts = [min(max(_mean(block), 0), highest) for block in blocks for _ in block]
    spread = {
        index: start + rank * gap
        for rank, (index, start) in enumerate(zip(order, starts, strict=True))
    }
    return [spread[index] for index in range(len(places))]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _place(axis: Mapping, value: float) -> float:
    """The place of a value on an axis with a range, from 0 to 1."""
    low, high = axis["range"]
    position = math.log10(value) if axis.get("type") == "log" else value
    return min(max((position - low) / (high - low), 0), 1)
