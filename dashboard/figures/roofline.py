"""The roofline: FLOP per second against FLOP per byte, measured points under a measured roof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.data.decode_rows import Row, row_label
from dashboard.data.roofline import RooflineData
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.end_labels import SYMBOLS
from dashboard.figures.measured import (
    add_evidence_legend,
    describe_samples,
    evidence_marker,
    opacities,
)
from dashboard.figures.style import (
    FIGURE_PX,
    LABELLED_MARGIN,
    LEGEND_ABOVE,
    LEGEND_PX,
    NEUTRAL,
    VARIANT_STYLES,
    decades,
    finish,
    interval_bars,
    log_axis,
    whole_powers,
)
from gqa_core import units
from gqa_core.theory.roofline import Roof

INTENSITIES = (0.25, 1024)  # MHA in float32 is 0.5; MLA with the most heads is 870 in int8
RATES = (1e8, 1e12)  # the axis where there is nothing to draw
HEADROOM = 4  # above the highest tick, for the variants' names
NAME_STEP = 3  # how many times further left the name of the next higher roof stands
SIZES = (8, 16)  # of markers, from the shortest context shown to the longest
LOCAL_ROOF, SAMPLE_ROOF = "roof probed here", "roof probed elsewhere"


def roofline(data: RooflineData, height: int = FIGURE_PX) -> go.Figure:
    """Achieved FLOP per second by intensity, log-log; bars span its 95% interval.

    The probed roof is a solid grey line, published ones are dashed. A thin upright line stands at
    each variant's intensity. Markers are larger for longer contexts, and faint for unusable
    samples; a point whose bound is withheld has none.
    """
    low, high = _range(data)
    figure = FigureBuilder()
    for label, intensity in data.intensities.items():
        _add_intensity(figure, label, intensity, (low, HEADROOM * high))
    published = {f"{name}, published": roof for name, roof in data.published.items()}
    _add_roofs(figure, "published roofs", published, {"dash": "dash", "width": 1.5})
    _add_names(figure, data.published)
    if data.local_roof is not None:
        name = SAMPLE_ROOF if data.is_sample else LOCAL_ROOF
        local = {name: data.local_roof}
        _add_roofs(figure, name, local, {"dash": "solid", "width": 2}, showlegend=True)
    large_first = sorted(data.drawn_rows, key=lambda row: -row.context_len)
    for label in VARIANT_STYLES:
        label_rows = [row for row in large_first if row_label(row) == label]
        for evidence in dict.fromkeys(row.evidence for row in label_rows):
            rows = [row for row in label_rows if row.evidence == evidence]
            _add_points(figure, label, rows, _marker_sizes(data.drawn_rows))
    add_evidence_legend(figure, data.drawn_rows, ", larger at longer contexts")
    _set_axes(figure, low, high)
    margin = LABELLED_MARGIN | {"t": LABELLED_MARGIN["t"] + LEGEND_PX}
    return finish(figure, height, margin=margin, legend=LEGEND_ABOVE)


def _set_axes(figure: FigureBuilder, low: float, high: float) -> None:
    x_ticks = [4.0**power for power in range(-1, 6)]
    figure.update_xaxes(log_axis(*INTENSITIES, x_ticks, [f"{tick:g}" for tick in x_ticks]))
    figure.update_xaxes(title={"text": "FLOP per byte of cache read (formula)"})
    y_ticks = decades(low, high)
    labels = [units.flop_rate(tick).removesuffix("FLOP/s") for tick in y_ticks]
    figure.update_yaxes(log_axis(low, HEADROOM * high, y_ticks, labels))
    figure.update_yaxes(title={"text": "FLOP per second, attending"})


def _range(data: RooflineData) -> tuple[float, float]:
    """Whole powers of ten around the points and all of each roof."""
    roofs = [*data.published.values(), *([data.local_roof] if data.local_roof else [])]
    rates = [roof.attainable_flops_per_s(intensity) for roof in roofs for intensity in INTENSITIES]
    rates += [rate for row in data.drawn_rows for rate in (row.flops_per_s.q1, row.flops_per_s.q3)]
    return whole_powers(rates or RATES, 10)


def _add_intensity(
    figure: FigureBuilder, label: str, intensity: float, ends: tuple[float, float]
) -> None:
    """A thin upright line, with the variant's name and symbol at its top."""
    is_left = label in ("MHA", "MQA")  # of its line, so that neighbours do not meet
    style = VARIANT_STYLES[label]
    name = f'<span style="color: {style.color}">{SYMBOLS[style.symbol]}</span> {label}'
    figure.add_scatter(
        x=[intensity, intensity],
        y=list(ends),
        name=f"{label} by the formula",
        showlegend=False,
        mode="lines+text",
        line=style.line(1),
        text=["", f"{name}&nbsp;" if is_left else f"&nbsp;{name}"],
        textposition="bottom left" if is_left else "bottom right",
        hovertemplate=f"{label}: %{{x:.3g}} FLOP per byte (formula)<extra></extra>",
    )


def _add_roofs(
    figure: FigureBuilder,
    trace: str,
    roofs: Mapping[str, Roof],
    line: dict[str, Any],
    *,
    showlegend: bool = False,
) -> None:
    """Slopes up to the ridge, and flat behind it: roofs of one kind are one broken line."""
    if not roofs:
        return
    low, high = INTENSITIES
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for name, roof in roofs.items():
        ridge = roof.ridge_point
        corners = [low, *([ridge] if ridge is not None and low < ridge < high else []), high]
        x += [*corners, None]
        y += [*map(roof.attainable_flops_per_s, corners), None]
        texts += [_describe_roof(name, roof)] * len(corners) + [""]
    figure.add_scatter(
        x=x,
        y=y,
        name=trace,
        showlegend=showlegend,
        mode="lines",
        line=line | {"color": NEUTRAL},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )


def _describe_roof(name: str, roof: Roof) -> str:
    what = f"{name}: {units.bandwidth(roof.peak_bytes_per_s)}"
    if roof.ridge_point is None or roof.peak_flops_per_s is None:
        return what
    rate, ridge = units.flop_rate(roof.peak_flops_per_s), f"{roof.ridge_point:.3g}"
    return f"{what}, {rate}, ridge at {ridge} FLOP per byte"


def _add_names(figure: FigureBuilder, published: Mapping[str, Roof]) -> None:
    """The names of published roofs, above them, the highest furthest left."""
    if not published:
        return
    lowest_first = sorted(published.items(), key=lambda item: item[1].peak_bytes_per_s)
    x_values = [INTENSITIES[1] / NAME_STEP**index for index in range(len(published))]
    figure.add_scatter(
        x=x_values,
        y=[
            roof.attainable_flops_per_s(x)
            for x, (_, roof) in zip(x_values, lowest_first, strict=True)
        ],
        name="names of roofs",
        showlegend=False,
        mode="text",
        text=[name for name, _ in lowest_first],
        textposition="top left",
        hoverinfo="skip",
    )


def _add_points(
    figure: FigureBuilder, label: str, rows: Sequence[Row], sizes: Mapping[int, float]
) -> None:
    if not rows:
        return
    figure.add_scatter(
        x=[row.arithmetic_intensity for row in rows],
        **interval_bars([row.flops_per_s for row in rows]),
        name=label,
        showlegend=False,
        mode="markers",
        marker=evidence_marker(
            VARIANT_STYLES[label], rows[0].evidence, [sizes[row.context_len] for row in rows]
        )
        | opacities(rows),
        text=[
            f"{_where(row)}: {units.flop_rate(row.flops_per_s.median)}, {_share(row)}"
            for row in rows
        ],
        hovertemplate=f"{label} at %{{text}}<extra></extra>",
    )


def _where(row: Row) -> str:
    quantised = f" in {row.kv_format}" if row.is_quantised else ""
    return f"{row.context_len:,} tokens{quantised}"


def _share(row: Row) -> str:
    if row.bound_share is None:
        return f"its bound is withheld{describe_samples(row)}"
    return f"{units.percent(row.bound_share)} of the bound{describe_samples(row)}"


def _marker_sizes(rows: Sequence[Row]) -> dict[int, float]:
    """A marker's size for each context shown, even steps apart."""
    contexts = sorted({row.context_len for row in rows})
    small, large = SIZES
    step = (large - small) / max(len(contexts) - 1, 1)
    return {context: small + step * index for index, context in enumerate(contexts)}
