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
from dashboard.figures.style import NEUTRAL, VARIANT_STYLES, bytes_axis, context_axis, finish
from gqa_core import units

SECOND_LABEL = 0.47  # of the width: where a label starts that would meet the one below it
LABEL_SHIFT = 1.55  # how far a label stands from its line, as a factor
MeasuredBytes = Literal["tensor_bytes", "peak_bytes"]

CLOSE = 2.2  # ceilings less than so many times apart
MEASURED: Mapping[MeasuredBytes, str] = {"tensor_bytes": "live tensors", "peak_bytes": "peak"}


def cache_growth(growth: CacheGrowth) -> go.Figure:
    """Cache bytes over context on log-log axes, the slider's context marked by a dotted line.

    What is allocated beyond windows is a thin line above its variant's own.
    """
    figure = FigureBuilder()
    figure.update_xaxes(context_axis(min(growth.contexts), max(growth.contexts)))
    figure.update_yaxes(bytes_axis(_all_bytes(growth)) | {"title": {"text": "KV cache"}})
    _add_ceilings(figure, growth.ceilings, growth.contexts)
    for variant, n_bytes in growth.curves.items():
        _add_formula(figure, variant, growth.contexts, n_bytes)
    _add_allocated(figure, growth.allocated, growth.contexts)
    _add_slider(figure, growth.context_len)
    if growth.measured:
        _add_legend(figure)
    for label in growth.curves:
        for field in MEASURED:
            rows = [cache for cache in growth.measured if row_label(cache.row) == label]
            _add_measured(figure, label, field, rows)
    return finish(figure, height=520)


def _all_bytes(growth: CacheGrowth) -> list[int]:
    """Everything that the axis includes."""
    curves = (*growth.curves.values(), *growth.allocated.values())
    values = [value for curve in curves for value in curve]
    values += [_measured_bytes(row, name) for row in growth.measured for name in MEASURED]
    return [*values, *growth.ceilings.values(), *filter(None, [growth.highest_bytes])]


def _add_formula(
    figure: FigureBuilder, variant: str, contexts: Sequence[int], n_bytes: Sequence[int]
) -> None:
    figure.add_scatter(
        x=list(contexts),
        y=list(n_bytes),
        name=f"{variant} (formula)",
        mode="lines",
        line=VARIANT_STYLES[variant].line(2.5),
        text=[units.binary_and_decimal(value) for value in n_bytes],
        hovertemplate=f"{variant} at %{{x:,}} tokens: %{{text}} (formula)<extra></extra>",
    )


def _add_slider(figure: FigureBuilder, context_len: int) -> None:
    low, high = figure.layout["yaxis"]["range"]
    figure.add_scatter(
        x=[context_len, context_len],
        y=[10**low, 10**high],
        name="context slider",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )


def _add_allocated(
    figure: FigureBuilder, allocated: Mapping[str, Sequence[int]], contexts: Sequence[int]
) -> None:
    """Thin lines in their variant's style, and one grey entry in the legend for all of them."""
    for variant, n_bytes in allocated.items():
        figure.add_scatter(
            x=list(contexts),
            y=list(n_bytes),
            name=f"{variant} (as allocated)",
            showlegend=False,
            mode="lines",
            line=VARIANT_STYLES[variant].line(1),
            text=[units.binary_and_decimal(value) for value in n_bytes],
            hovertemplate=f"{variant} as allocated at %{{x:,}} tokens: %{{text}}"
            " (formula)<extra></extra>",
        )
    if allocated:
        figure.add_scatter(
            x=[None],
            y=[None],
            name="as allocated (formula, thin)",
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
            f"{units.capacity(_measured_bytes(cache, field))}, "
            f"{units.error_percent(_measured_bytes(cache, field), cache.line_bytes)}"
            " against the formula"
            for cache in rows
        ],
        hovertemplate=f"{label} {MEASURED[field]} at %{{x:,}} tokens: %{{text}}"
        " (measured here)<extra></extra>",
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


def _add_ceilings(
    figure: FigureBuilder, ceilings: Mapping[str, int], contexts: Sequence[int]
) -> None:
    """Dashed grey lines, one per size, labelled at the left end, where curves are lowest.

    A label is under its line, or over it if the next line below is close; it starts past the middle
    if the label below is close as well.
    """
    if not ceilings:
        return
    low, high = min(contexts) / 1.3, max(contexts) * 1.3
    sizes = sorted(set(ceilings.values()))
    devices = [[name for name, size in ceilings.items() if size == n_bytes] for n_bytes in sizes]
    labels = [units.gigabytes_label(n_bytes) for n_bytes in sizes]
    texts = [f"{', '.join(names)}: {size}" for names, size in zip(devices, labels, strict=True)]
    figure.add_scatter(
        x=[x for _ in sizes for x in (low, high, None)],
        y=[y for n_bytes in sizes for y in (n_bytes, n_bytes, None)],
        name="ceilings",
        showlegend=False,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1},
        text=[part for text in texts for part in (text, text, "")],
        hovertemplate="%{text} on the vendor's label (published)<extra></extra>",
    )
    places = _label_places(sizes)
    figure.add_scatter(
        x=[low * 1.05 * (high / low) ** (SECOND_LABEL * shifted) for _, shifted in places],
        y=[place for place, _ in places],
        name="ceiling labels",
        showlegend=False,
        mode="text",
        text=[
            names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") + f", {size}"
            for names, size in zip(devices, labels, strict=True)
        ],
        textposition="middle right",
        textfont={"size": 10},
        hoverinfo="skip",
    )


def _label_places(sizes: Sequence[int]) -> list[tuple[float, bool]]:
    """The height of each ceiling's label, and whether it starts past the middle."""
    places, below, shifted = [], 0.0, False
    for index, n_bytes in enumerate(sizes):
        over = index > 0 and n_bytes < CLOSE * sizes[index - 1]
        place = n_bytes * LABEL_SHIFT if over else n_bytes / LABEL_SHIFT
        shifted = place < CLOSE * below and not shifted
        below = place
        places.append((place, shifted))
    return places
