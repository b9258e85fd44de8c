"""Colours, dashes and markers of variants and kinds of evidence; no other file has any.

The four colours keep a contrast of 3:1 on light and dark and differ for colour-blind readers; dash
and marker repeat the distinction. Formula is a line, measured are markers with spread, a bound is
dashed grey. Markers measured here are filled, those measured elsewhere open with a dot. Where two
selections are compared, the first is large and left of its context, the second small and right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sequential

from dashboard.figures.builder import FigureBuilder
from gqa_core import units
from gqa_core.records.quartiles import Quartiles
from gqa_core.records.specs.growth import Policy
from gqa_core.records.specs.training import divisors
from gqa_core.theory.parts import PartKind

NEUTRAL = "#888888"
DARK = "#000000"  # text on pale fills
GRID = "rgba(136, 136, 136, 0.25)"
INK = "rgb(27, 31, 36)"  # of text without a colour of its own
FONT = {"family": '"Source Sans", sans-serif', "size": 12, "color": INK}
SMALL = 11  # pixels: no text is smaller
AXIS = {"title": {"font": {"size": 14}, "standoff": 12}}
CONTEXT_PAD, LINE_END = 1.3, 1.06  # factors on a context: room for markers, and for none
NO_LINE = {"width": 0}  # around a marker: Plotly draws one where sizes differ
HOVER = {  # the same on any page
    "align": "left",
    "bgcolor": "#FFFFFF",
    "bordercolor": NEUTRAL,
    "font": FONT | {"color": DARK},
}


@dataclass(frozen=True)
class VariantStyle:
    """Colour, line dash and marker symbol of one variant."""

    color: str
    dash: str
    symbol: str

    def line(self, width: float) -> dict:
        """A line in this style."""
        return {"color": self.color, "dash": self.dash, "width": width}

    def marker(self, size: float | Sequence[float]) -> dict:
        """A marker in this style, or markers of several sizes."""
        return {"color": self.color, "symbol": self.symbol, "size": size, "line": NO_LINE}


VARIANT_STYLES = {
    "MHA": VariantStyle("#0072B2", "solid", "circle"),
    "GQA": VariantStyle("#D55E00", "dash", "square"),
    "MQA": VariantStyle("#009E73", "dot", "diamond"),
    "MLA": VariantStyle("#CC79A7", "dashdot", "triangle-up"),
    "MLA naive": VariantStyle("#CC79A7", "dashdot", "triangle-down"),
}
GQA_SYMBOLS = ("square", "pentagon", "hexagon", "star")  # by the ratio of sharing, in turn
OPEN = "-open"  # suffix of a published marker's symbol
ELSEWHERE = "-open-dot"  # suffix of a symbol measured elsewhere


@dataclass(frozen=True)
class MarkerOffset:
    """Marker size, and factor on the context, of one of two compared selections."""

    size: int
    shift: float


MARKER_OFFSETS = {"A": MarkerOffset(14, 0.94), "B": MarkerOffset(9, 1.06)}
FAINT = 0.45  # opacity of what is not selected
# A click selects a point for the page alone, which draws the selection itself: Plotly would fade
# all others.
UNDIMMED = {"unselected": {"marker": {"opacity": 1}, "textfont": {"color": INK}}}
UNDIMMED_BARS = {"unselected": {"marker": {"opacity": 1}}}
FRAME = (("#FFFFFF", 5), ("#000000", 2))  # black in white: seen on every fill, light and dark
CACHED, RECOMPUTED = "#8B65D8", "#AE8E38"  # colours that no variant has
EXCHANGES = {"gather": (RECOMPUTED, "/"), "reduce": (CACHED, "\\")}  # (fill, hatching) of ranks
VERDICT_STYLES = {  # of a comparison that passes, or does not: told apart by the marker too
    True: VariantStyle("#735ED1", "solid", "circle"),
    False: VariantStyle("#D03A3A", "solid", "x"),
}
MODE_STYLES = {  # attention filled and its fit solid, projections open and their fit dotted
    ("cached", "attention"): VariantStyle(CACHED, "solid", "circle"),
    ("recomputed", "attention"): VariantStyle(RECOMPUTED, "solid", "square"),
    ("cached", "projections"): VariantStyle(CACHED, "dot", "circle-open"),
    ("recomputed", "projections"): VariantStyle(RECOMPUTED, "dot", "square-open"),
}
PART_STYLES: Mapping[PartKind, tuple[str, str]] = {  # (fill, pattern): patterns tell of tokens
    "token cache": ("#56B4E9", ""),
    "latent": ("#56B4E9", ""),
    "window cache": ("#4076F5", "/"),
    "indexer keys": ("#E69F00", "."),
    "state": ("#7A5195", "x"),
    "cross-attention cache": ("#888888", "\\"),
}
PATTERN = {"fillmode": "overlay", "fgcolor": "#FFFFFF", "fgopacity": 0.5, "solidity": 0.15}
POLICY_STYLES: Mapping[Policy, VariantStyle] = {
    "concatenate": VariantStyle("#8F5D04", "solid", "square"),
    "preallocate": VariantStyle("#735ED1", "solid", "circle"),
    "paged": VariantStyle("#279ABD", "solid", "diamond"),
}
LOSS_TICKS = (0.5, 0.75, 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 8)
HEAT = sequential.Cividis  # dark to bright, also for colour-blind readers
PAPER = "#FFFFFF"  # behind a saved picture; on a page the style sheet lets the page's through
CLEAR = "rgba(0,0,0,0)"
WIDE = 2.5  # pixels of a line that answers a page's question
UNSEEN = {"marker": {"opacity": 0, "size": 12}}
CLICKABLE_LINE = {  # a click selects markers alone, so that the line has unseen ones
    "mode": "lines+markers",
    **UNSEEN,
    "selected": UNSEEN,
    "unselected": UNSEEN,
}
BARE_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
# Room for labels, a title and a legend of two lines below, or none. With automatic margins Plotly
# would draw the chart twice: a third of its time.
AXES_MARGIN = {"l": 76, "r": 16, "t": 16, "b": 126, "pad": 4}
LABELLED_MARGIN = AXES_MARGIN | {"b": 54}
LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "traceorder": "normal"}
LEGEND_PX = 26  # height of one line of a legend above the axes
FIGURE_PX = 400  # height of a figure that is seen whole below a page's answer


def markers(styles: Sequence[VariantStyle], size: float) -> dict:
    """Markers of one size, each in its own style."""
    return {
        "color": [style.color for style in styles],
        "symbol": [style.symbol for style in styles],
        "size": size,
    }


def style_for_sharing(n_heads: int, n_kv_heads: int) -> VariantStyle:
    """The style of a model with so many K/V heads; GQA models differ by their symbol."""
    if n_kv_heads == n_heads:
        return VARIANT_STYLES["MHA"]
    if n_kv_heads == 1:
        return VARIANT_STYLES["MQA"]
    symbol = GQA_SYMBOLS[(divisors(n_heads).index(n_kv_heads) - 1) % len(GQA_SYMBOLS)]
    return replace(VARIANT_STYLES["GQA"], symbol=symbol)


def log_axis(low: float, high: float, ticks: Sequence[float], labels: Sequence[str]) -> dict:
    """A log axis that always shows low to high, with these tick labels."""
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": list(ticks),
        "ticktext": list(labels),
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
    }


def context_axis(low: float, high: float, end: float = CONTEXT_PAD) -> dict:
    """The context axis: powers of four in tokens, from low to `end` times high."""
    ticks = [4**power for power in range(13) if low <= 4**power <= high]
    axis = log_axis(low / CONTEXT_PAD, high * end, ticks, [units.tokens(tick) for tick in ticks])
    return axis | {
        "title": {"text": "context (tokens)"},
        "unifiedhovertitle": {"text": "%{x:,} tokens"},
        "showspikes": False,  # their white rim is for a light page alone
    }


def seconds_axis(times: Sequence[float], title: str) -> dict:
    """A log axis of seconds: whole powers of ten around these times."""
    low, high = whole_powers(times, 10)
    ticks = decades(low, high)
    axis = log_axis(low, high, ticks, [units.duration(tick) for tick in ticks])
    return axis | {"title": {"text": title}}


def decades(low: float, high: float) -> list[float]:
    """The powers of ten from `low`, itself a power of ten, to `high`."""
    return [low * 10**power for power in range(round(math.log10(high / low)) + 1)]


def whole_powers(values: Sequence[float], base: int) -> tuple[float, float]:
    """The powers of `base` that hold all values, at least one apart."""
    low = base ** math.floor(math.log(min(values), base) + 1e-9)
    high = base ** math.ceil(math.log(max(values), base) - 1e-9)
    return (low, high) if low < high else (low, low * base)


def loss_axis(losses: Sequence[float]) -> dict:
    """A log axis of losses in nats, in whole steps around these."""
    low = max([tick for tick in LOSS_TICKS if tick <= min(losses)], default=min(losses))
    high = min([tick for tick in LOSS_TICKS if tick >= max(losses)], default=max(losses))
    ticks = [tick for tick in LOSS_TICKS if low <= tick <= high]
    axis = log_axis(low / 1.02, high * 1.02, ticks, [f"{tick:g}" for tick in ticks])
    return axis | {"title": {"text": "held-out loss (nats per byte, lower is better)"}}


def interval_bars(spreads: Sequence[Quartiles]) -> dict:
    """Heights and error bars: the middle figure, and a bar between the outer two."""
    return spread_bars([(spread.q1, spread.median, spread.q3) for spread in spreads])


def spread_bars(spreads: Sequence[tuple[float, float, float]]) -> dict:
    """Heights and error bars of (low end, median, high end)."""
    bars = {
        "type": "data",
        "symmetric": False,
        "array": [high - middle for _, middle, high in spreads],
        "arrayminus": [middle - low for low, middle, _ in spreads],
        "thickness": 1.5,
        "width": 4,
    }
    return {"y": [middle for _, middle, _ in spreads], "error_y": bars}


def bytes_axis(n_bytes: Sequence[float]) -> dict:
    """A log axis of decimal bytes in powers of ten around these: 1 MB, 10 MB, 100 MB ..."""
    low, high = whole_powers(n_bytes, 10)
    ticks = decades(low, high)
    return log_axis(low, high, ticks, [units.decimal_tick(tick) for tick in ticks])


def translucent(color: str) -> str:
    """A colour given as #RRGGBB, thin enough to fill a band over other lines."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.2)"


def unit_interval_coloraxis(title: str, *, power: float = 1) -> dict:
    """A colour axis from 0 to 1; a power above 1 spreads small values."""
    last = len(HEAT) - 1
    return {
        "cmin": 0,
        "cmax": 1,
        "colorscale": [((index / last) ** power, color) for index, color in enumerate(HEAT)],
        "colorbar": {
            "title": {"text": title, "side": "top"},
            "orientation": "h",
            "y": 0,
            "yanchor": "top",
            "ypad": 34,
            "thickness": 10,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
    }


def plot_config(name: str) -> dict:
    """Plotly's options of a figure: one button, shown on hover, saves it as `name`.png."""
    return {
        "displayModeBar": "hover",
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "scrollZoom": False,
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": f"gqa-lab-{name}"},
    }


def base_layout(height: int, margin: Mapping[str, int] = BARE_MARGIN) -> dict:
    """Layout common to all figures: margins, font, a legend below, no background."""
    return {
        "height": height,
        "font": FONT,
        "margin": dict(margin),
        "paper_bgcolor": PAPER,
        "plot_bgcolor": CLEAR,
        "legend": {"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top", "bgcolor": CLEAR},
        "modebar": {"bgcolor": CLEAR, "color": NEUTRAL, "activecolor": NEUTRAL},
        "hoverlabel": HOVER,
    }


def finish(builder: FigureBuilder, height: int, **more: Any) -> go.Figure:
    """The figure with the common layout, and `more` of its own."""
    has_axes = builder.layout.get("xaxis", {}).get("visible", True)
    builder.default_layout(
        **base_layout(height, AXES_MARGIN if has_axes else BARE_MARGIN),
        xaxis=AXIS | {"showgrid": False},
        yaxis=AXIS,
    )
    builder.update_layout(**more)
    return builder.figure()
