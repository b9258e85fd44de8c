"""Held-out loss against cache bytes, of models whose heads share K/V heads."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.quality import LossSeries
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import (
    ELSEWHERE,
    LABELLED_MARGIN,
    LEGEND_ABOVE,
    LEGEND_PX,
    NEUTRAL,
    finish,
    log_axis,
    loss_axis,
    spread_bars,
    style_for_sharing,
)
from gqa_core import units
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.specs.quality import SCRATCH

SHIFT = 1.07  # factor on the bytes: measured elsewhere is right of here, from scratch further
HEIGHT = 380
NO_CACHES, NO_LOSSES = (2**16, 2**19), (1.0, 4.0)  # the axes where there is nothing to draw


def loss_vs_cache(
    all_series: Sequence[LossSeries],
    percent: int,
    cache_bytes: Sequence[int],
    losses: Sequence[float],
) -> go.Figure:
    """Held-out loss at a percent of uptraining against the cache of one sequence.

    Models from scratch count after all their steps. The axes include all of `cache_bytes` and
    `losses`, drawn or not.
    """
    figure = FigureBuilder()
    curves: dict[tuple[str, str], list[LossSeries]] = {}
    for series in all_series:
        if series.final(percent):
            curves.setdefault((series.start, series.evidence), []).append(series)
    for (start, evidence), group in curves.items():
        _add_group(figure, start, evidence, percent, group)
    sizes = sorted({*(cache_bytes or NO_CACHES)})
    labels = [units.capacity_tick(size) for size in sizes]
    figure.update_xaxes(
        log_axis(sizes[0] / 1.4, sizes[-1] * 1.4, sizes, labels)
        | {"title": {"text": "cache of one sequence (float32)"}}
    )
    figure.update_yaxes(loss_axis(losses or NO_LOSSES))
    margin = LABELLED_MARGIN | {"t": LABELLED_MARGIN["t"] + 2 * LEGEND_PX}
    return finish(figure, HEIGHT, showlegend=True, legend=LEGEND_ABOVE, margin=margin)


def _add_group(
    figure: FigureBuilder, start: str, evidence: str, percent: int, group: Sequence[LossSeries]
) -> None:
    scratch, elsewhere = start == SCRATCH, evidence == MEASURED_ELSEWHERE
    name = "from scratch" if scratch else f"shared by {start}, {percent}% uptrained"
    styles = [style_for_sharing(series.n_heads, series.n_kv_heads) for series in group]
    spreads = [spread for series in group if (spread := series.final(percent))]
    ending = ELSEWHERE if elsewhere else ""
    figure.add_scatter(
        x=[series.cache_bytes * SHIFT ** (elsewhere + 2 * scratch) for series in group],
        **spread_bars(spreads),
        name=f"{name}, elsewhere" if elsewhere else name,
        mode="lines+markers",
        cliponaxis=False,
        line={"color": NEUTRAL, "width": 1, "dash": "dot" if scratch else "solid"},
        marker={
            "color": [style.color for style in styles],
            "symbol": [("cross" if scratch else style.symbol) + ending for style in styles],
            "size": 10,
            "line": {"width": 1.5 if elsewhere else 0},
        },
        text=[
            f"{series.name}, {units.capacity(series.cache_bytes)}: "
            f"{middle:.3f} ({low:.3f} to {high:.3f})"
            for series, (low, middle, high) in zip(group, spreads, strict=True)
        ],
        hovertemplate=f"{name}, {evidence}, %{{text}}<extra></extra>",
    )
