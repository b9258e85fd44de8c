"""How each variant and each kind of evidence looks: the only place for colours, dashes and markers.

The four colours keep 3:1 contrast on light and dark, and apart for colour-blind readers; dash and
marker say the same again. Formula is a line, measured are markers with spread, a bound is dashed
grey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from gqa_core import units

NEUTRAL = "#888888"
GRID = "rgba(136, 136, 136, 0.25)"


@dataclass(frozen=True)
class Look:
    """Colour, line dash and marker symbol of one variant."""

    color: str
    dash: str
    symbol: str


LOOKS = {
    "MHA": Look("#0072B2", "solid", "circle"),
    "GQA": Look("#D55E00", "dash", "square"),
    "MQA": Look("#009E73", "dot", "diamond"),
    "MLA": Look("#CC79A7", "dashdot", "triangle-up"),
    "MLA naive": Look("#CC79A7", "dashdot", "triangle-down"),
}
WAY_LOOKS = {  # attention filled and its fit solid, projections open and their fit dotted
    ("cached", "attention"): Look("#0072B2", "solid", "circle"),
    ("recomputed", "attention"): Look("#D55E00", "solid", "square"),
    ("cached", "projections"): Look("#0072B2", "dot", "circle-open"),
    ("recomputed", "projections"): Look("#D55E00", "dot", "square-open"),
}
POLICY_LOOKS = {
    "concatenate": Look("#D55E00", "solid", "square"),
    "preallocate": Look("#0072B2", "solid", "circle"),
    "paged": Look("#009E73", "solid", "diamond"),
}
PLOT_CONFIG = {"displayModeBar": False, "scrollZoom": False}


def log_axis(low: float, high: float, ticks: Sequence[float], labels: Sequence[str]) -> dict:
    """A log axis that always shows low to high, with labels where asked."""
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": list(ticks),
        "ticktext": list(labels),
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
    }


def context_axis(low: int, high: int) -> dict:
    """The context axis: powers of four in tokens, from low to high."""
    ticks = [4**power for power in range(13) if low <= 4**power <= high]
    axis = log_axis(low / 1.3, high * 1.3, ticks, [units.tokens(tick) for tick in ticks])
    return axis | {"title": {"text": "context (tokens)"}}


def seconds_axis(times: Sequence[float], title: str) -> dict:
    """A log axis of seconds: whole powers of ten around what there is."""
    low, high = whole_powers(times, 10)
    ticks = [low * 10**power for power in range(round(math.log10(high / low)) + 1)]
    axis = log_axis(low, high, ticks, [units.duration(tick) for tick in ticks])
    return axis | {"title": {"text": title}}


def whole_powers(values: Sequence[float], base: int) -> tuple[float, float]:
    """The powers of `base` just around the values, at least one apart."""
    low = base ** math.floor(math.log(min(values), base) + 1e-9)
    high = base ** math.ceil(math.log(max(values), base) - 1e-9)
    return (low, high) if low < high else (low, low * base)


def laid_out(figure: go.Figure, height: int) -> go.Figure:
    """The figure with what all of them share: margins, a legend below, no background."""
    return figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"},
        hoverlabel={"align": "left"},
    )
