"""How each variant and each kind of evidence looks: the only place for colours, dashes and markers.

The four colours keep 3:1 contrast on light and dark, and apart for colour-blind readers; dash and
marker say the same again. Formula is a line, measured are markers with spread, a bound is dashed
grey. Measured here is filled, measured elsewhere open with a dot. Where two selections are
compared, the first stands large and left of its context, the second small and right of it.
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
from gqa_core.records.specs.training import divisors

NEUTRAL = "#888888"
DARK = "#000000"  # ink on what is pale
PALE_PERCENT = 45  # what of a colour is left in its pale form
BYTES_STEP = 32
GRID = "rgba(136, 136, 136, 0.25)"
INK = "rgb(27, 31, 36)"  # of all text that has no colour of its own; a page shows it in its own
FONT = {"family": '"Source Sans", sans-serif', "size": 12, "color": INK}
AXIS = {"title": {"font": {"size": 14}, "standoff": 12}}
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
        """A line in this look."""
        return {"color": self.color, "dash": self.dash, "width": width}

    def marker(self, size: float | Sequence[float]) -> dict:
        """A marker in this look, or markers of several sizes."""
        return {"color": self.color, "symbol": self.symbol, "size": size, "line": NO_LINE}


VARIANT_STYLES = {
    "MHA": VariantStyle("#0072B2", "solid", "circle"),
    "GQA": VariantStyle("#D55E00", "dash", "square"),
    "MQA": VariantStyle("#009E73", "dot", "diamond"),
    "MLA": VariantStyle("#CC79A7", "dashdot", "triangle-up"),
    "MLA naive": VariantStyle("#CC79A7", "dashdot", "triangle-down"),
}
GQA_SYMBOLS = ("square", "pentagon", "hexagon", "star")  # by how far heads are shared, in turn
OPEN = "-open"  # what a marker's symbol ends in where it is published
ELSEWHERE = "-open-dot"  # what a marker's symbol ends in where it was not measured here


@dataclass(frozen=True)
class MarkerOffset:
    """How the markers of one of two compared selections stand: size, and factor on the context."""

    size: int
    shift: float


MARKER_OFFSETS = {"A": MarkerOffset(14, 0.94), "B": MarkerOffset(9, 1.06)}
SHARED = (  # fill and ink of what is shared, in turn: neighbours differ, also to the colour-blind
    ("#0072B2", "#FFFFFF"),
    ("#D55E00", "#000000"),
    ("#CC79A7", "#000000"),
    ("#A6761D", "#000000"),
    ("#8A63D2", "#000000"),
    ("#009E73", "#000000"),
)
FAINT = 0.45  # what is not selected
FRAME = (("#FFFFFF", 5), ("#000000", 2))  # black in white: seen on every fill, light and dark
MODE_STYLES = {  # attention filled and its fit solid, projections open and their fit dotted
    ("cached", "attention"): VariantStyle("#0072B2", "solid", "circle"),
    ("recomputed", "attention"): VariantStyle("#D55E00", "solid", "square"),
    ("cached", "projections"): VariantStyle("#0072B2", "dot", "circle-open"),
    ("recomputed", "projections"): VariantStyle("#D55E00", "dot", "square-open"),
}
PHASE_STYLES = {  # fill and pattern of what a step consists of: grey is what no cache can shrink
    "project": ("#777777", ""),
    "append": ("#444444", ""),
    "output": ("#AAAAAA", ""),
    "attend": ("#8A63D2", "/"),
}
PATTERN = {"fillmode": "overlay", "fgcolor": "#FFFFFF", "fgopacity": 0.5, "solidity": 0.15}
POLICY_STYLES = {
    "concatenate": VariantStyle("#D55E00", "solid", "square"),
    "preallocate": VariantStyle("#0072B2", "solid", "circle"),
    "paged": VariantStyle("#009E73", "solid", "diamond"),
}
LOSS_TICKS = (0.5, 0.75, 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 8)
HEAT = sequential.Cividis  # dark to bright, the same to the colour-blind
PLOT_CONFIG = {"displayModeBar": False, "scrollZoom": False}
BARE_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
# Room for labels, a title and a legend of two lines. Plotly could find it, and would draw all over
# again then: a third of a chart's time.
AXES_MARGIN = {"l": 76, "r": 16, "t": 16, "b": 126, "pad": 4}
ATTEND_SPREAD = ("attend_q1_s", "attend_s", "attend_q3_s")  # of a row: its marker and its bar


def markers_of(variants: Sequence[str], size: float) -> dict:
    """Markers of one size, each in its variant's look."""
    looks = [VARIANT_STYLES[variant] for variant in variants]
    return {
        "color": [look.color for look in looks],
        "symbol": [look.symbol for look in looks],
        "size": size,
    }


def style_for_sharing(n_heads: int, n_kv_heads: int) -> VariantStyle:
    """The look of a model whose heads share so many K/V heads; GQAs differ by their symbol."""
    if n_kv_heads == n_heads:
        return VARIANT_STYLES["MHA"]
    if n_kv_heads == 1:
        return VARIANT_STYLES["MQA"]
    symbol = GQA_SYMBOLS[(divisors(n_heads).index(n_kv_heads) - 1) % len(GQA_SYMBOLS)]
    return replace(VARIANT_STYLES["GQA"], symbol=symbol)


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
    ticks = decades(low, high)
    axis = log_axis(low, high, ticks, [units.duration(tick) for tick in ticks])
    return axis | {"title": {"text": title}}


def decades(low: float, high: float) -> list[float]:
    """The powers of ten from `low`, which is one, to `high`."""
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
    return axis | {"title": {"text": "held-out loss (nats a byte, lower is better)"}}


def attend_spreads(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, float]]:
    """The quartiles of each row's attend time, as `medians` takes them."""
    return [tuple(row[name] for name in ATTEND_SPREAD) for row in rows]


def medians(spreads: Sequence[tuple[float, float, float]]) -> dict:
    """Heights and error bars of medians, given as (low end, median, high end) each.

    The ends are quartiles, or extremes.
    """
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
    """A log axis of bytes in whole 32-fold steps around these: 1 MiB, 32 MiB, 1 GiB ..."""
    low = BYTES_STEP ** math.floor(math.log(min(n_bytes), BYTES_STEP))
    high = BYTES_STEP ** math.ceil(math.log(max(n_bytes), BYTES_STEP))
    n_steps = round(math.log(high / low, BYTES_STEP))
    ticks = [low * BYTES_STEP**power for power in range(n_steps + 1)]
    return log_axis(low, high, ticks, [units.capacity_tick(tick) for tick in ticks])


def pale(color: str) -> str:
    """A colour given as #RRGGBB, mixed with white, so that DARK is read on it on any page."""
    parts = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - part) * PALE_PERCENT // 100:02X}" for part in parts)


def translucent(color: str) -> str:
    """A colour given as #RRGGBB, thin enough to fill a band over other lines."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.2)"


def kv_head_color(index: int) -> tuple[str, str]:
    """Fill and ink of the thing with this number among those that are shared."""
    return SHARED[index % len(SHARED)]


def shared_scale() -> list[tuple[float, str]]:
    """A colour scale for a heat map of `index % len(SHARED)`, to be used from -0.5 on."""
    n = len(SHARED)
    edges = [(index / n, (index + 1) / n, fill) for index, (fill, _) in enumerate(SHARED)]
    return [(edge, fill) for low, high, fill in edges for edge in (low, high)]


def unit_interval_coloraxis(title: str, *, power: float = 1) -> dict:
    """The colours of shares from 0 to 1, always that far; a power above 1 spreads small ones."""
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


def shared_layout(height: int, margin: Mapping[str, int] = BARE_MARGIN) -> dict:
    """What all figures share: margins, the font, a legend below, no background."""
    return {
        "height": height,
        "font": FONT,
        "margin": dict(margin),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"},
        "hoverlabel": HOVER,
    }


def finish(sketch: FigureBuilder, height: int, **more: Any) -> go.Figure:
    """The figure with what all of them share, and `more` of its own layout."""
    has_axes = sketch.layout.get("xaxis", {}).get("visible", True)
    sketch.default_layout(
        **shared_layout(height, AXES_MARGIN if has_axes else BARE_MARGIN),
        xaxis=AXIS | {"showgrid": False},
        yaxis=AXIS,
    )
    sketch.update_layout(**more)
    return sketch.figure()
