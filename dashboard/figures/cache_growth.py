"""The cache against context: formulas as lines, measured bytes as markers, device memory as bounds.

Nothing measured is scaled: a marker is the cache of as many layers as were really allocated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import plotly.graph_objects as go

from dashboard.data.cache_growth import CacheGrowth
from dashboard.data.decode_rows import CacheRow, row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.cache_lines import (
    Styles,
    add_cache_line,
    add_slider_context,
    cache_end_labels,
    set_cache_axes,
)
from dashboard.figures.ceilings import add_ceilings, add_crossings
from dashboard.figures.end_labels import finish_labelled
from dashboard.figures.style import FIGURE_PX, NEUTRAL, VARIANT_STYLES
from gqa_core import units

MeasuredBytes = Literal["tensor_bytes", "peak_bytes"]

MEASURED: Mapping[MeasuredBytes, str] = {"tensor_bytes": "live tensors", "peak_bytes": "peak"}


def cache_growth(
    growth: CacheGrowth, height: int = FIGURE_PX, styles: Styles = VARIANT_STYLES
) -> go.Figure:
    """Cache bytes over context on log-log axes, the slider's context marked by a dotted line.

    What is allocated beyond windows is a thin line above its variant's own. Rings mark where a
    cache fills a device. `styles` are those of the curves' names.
    """
    figure = FigureBuilder()
    set_cache_axes(figure, growth.contexts, _all_bytes(growth), "KV cache")
    add_ceilings(figure, growth.ceilings, growth.contexts)
    for name, n_bytes in growth.curves.items():
        add_cache_line(figure, name, styles[name], growth.contexts, n_bytes)
    _add_allocated(figure, growth.allocated, growth.contexts)
    add_slider_context(figure, growth.curves, growth.contexts, growth.context_len, styles)
    add_crossings(figure, growth.crossings, styles)
    if growth.measured:
        _add_legend(figure)
    for label in growth.curves:
        for field in MEASURED:
            rows = [cache for cache in growth.measured if row_label(cache.row) == label]
            _add_measured(figure, label, field, rows)
    has_legend = bool(growth.measured or growth.allocated)
    labels = cache_end_labels(growth.curves, styles)
    return finish_labelled(figure, labels, height, has_legend=has_legend)


def _all_bytes(growth: CacheGrowth) -> list[int]:
    """Everything that the axis includes."""
    curves = (*growth.curves.values(), *growth.allocated.values())
    values = [value for curve in curves for value in curve]
    values += [_measured_bytes(row, name) for row in growth.measured for name in MEASURED]
    return [*values, *growth.ceilings.values(), *filter(None, [growth.highest_bytes])]


def _add_allocated(
    figure: FigureBuilder, allocated: Mapping[str, Sequence[int]], contexts: Sequence[int]
) -> None:
    """Thin lines in their variant's style, and one grey entry in the legend for all of them."""
    for variant, n_bytes in allocated.items():
        name = f"{variant} as allocated"
        add_cache_line(figure, name, VARIANT_STYLES[variant], contexts, n_bytes, width=1)
    if allocated:
        figure.add_scatter(
            x=[None],
            y=[None],
            name="thin: as allocated",
            mode="lines",
            line={"color": NEUTRAL, "width": 1},
        )


def _add_measured(
    figure: FigureBuilder, label: str, field: MeasuredBytes, rows: Sequence[CacheRow]
) -> None:
    """One marker per measured cache; its hover text says how far it is from the line."""
    if not rows:
        return
    figure.add_scatter(
        x=[cache.row.context_len for cache in rows],
        y=[_measured_bytes(cache, field) for cache in rows],
        name=f"{label} ({MEASURED[field]}, measured)",
        showlegend=False,
        mode="markers",
        marker=_marker(field, VARIANT_STYLES[label].symbol, VARIANT_STYLES[label].color),
        text=[
            f"{units.decimal_and_binary(_measured_bytes(cache, field))}, "
            f"{units.error_percent(_measured_bytes(cache, field), cache.line_bytes)}"
            " against the formula"
            for cache in rows
        ],
        hovertemplate=f"{label} {MEASURED[field]}: %{{text}} (measured here)<extra></extra>",
    )


def _measured_bytes(cache: CacheRow, field: MeasuredBytes) -> int:
    memory = cache.row.record.memory
    return memory.tensor_bytes if field == "tensor_bytes" else memory.peak_bytes


def _marker(field: MeasuredBytes, symbol: str, color: str) -> dict:
    """Live tensors have their variant's symbol, a peak is a cross."""
    if field == "peak_bytes":
        return {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": color}}
    return {"symbol": symbol, "size": 10, "color": color}


def _add_legend(figure: FigureBuilder) -> None:
    """One grey entry for each kind of measured bytes, whatever the variant."""
    for field, name in MEASURED.items():
        figure.add_scatter(
            x=[None],
            y=[None],
            name=f"{name} (measured here)",
            mode="markers",
            marker=_marker(field, "circle", NEUTRAL),
        )
