"""Copies of each byte of K and V against the number of ranks: one line per variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.context_lines import add_slider_line
from dashboard.figures.end_labels import EndLabel, finish_labelled
from dashboard.figures.style import VARIANT_STYLES, WIDE, log_axis

HEIGHT = 330
PAD = 1.12  # factor on the ends of an axis: room for markers
MLA_WIDE, SMALL_MARKER, LARGE_MARKER = 6, 7, 12  # MLA below MQA, whose line is the same


def copies_vs_ranks(
    curves: Mapping[str, Sequence[tuple[int, int]]],
    names: Mapping[str, str],
    axis_title: str,
    *,
    most_ranks: int,
    most_copies: int,
    chosen: int,
) -> go.Figure:
    """(ranks, copies) per variant on log axes that `most_ranks` and `most_copies` fix."""
    figure = FigureBuilder()
    ranks = sorted({n_ranks for curve in curves.values() for n_ranks, _ in curve})
    ticks = [n_ranks for n_ranks in ranks if n_ranks & (n_ranks - 1) == 0] or ranks
    figure.update_xaxes(
        log_axis(1 / PAD, PAD * max(most_ranks, 2), ticks, [str(tick) for tick in ticks])
        | {"title": {"text": axis_title}, "showspikes": False}
        | {"unifiedhovertitle": {"text": f"{axis_title}: %{{x}}"}}
    )
    powers = [2**power for power in range(most_copies.bit_length() + 1) if 2**power <= most_copies]
    figure.update_yaxes(
        log_axis(1 / PAD, PAD * max(most_copies, 2), powers, [str(power) for power in powers])
        | {"title": {"text": "times that each byte is kept"}}
    )
    add_slider_line(figure, chosen)
    for variant in sorted(curves, key=lambda name: name != "MLA"):
        _add_line(figure, variant, names[variant], curves[variant])
    labels = [
        EndLabel(names[variant], style.color, style.symbol, curve[-1][1])
        for variant, curve in curves.items()
        if (style := VARIANT_STYLES[variant])
    ]
    return finish_labelled(figure, labels, HEIGHT)


def _add_line(
    figure: FigureBuilder, variant: str, name: str, curve: Sequence[tuple[int, int]]
) -> None:
    style, is_mla = VARIANT_STYLES[variant], variant == "MLA"
    figure.add_scatter(
        x=[n_ranks for n_ranks, _ in curve],
        y=[copies for _, copies in curve],
        name=name,
        showlegend=False,
        mode="lines+markers",
        line=style.line(MLA_WIDE if is_mla else WIDE) | {"dash": "solid" if is_mla else style.dash},
        marker=style.marker(LARGE_MARKER if is_mla else SMALL_MARKER),
        text=["kept once" if copies == 1 else f"kept {copies} times" for _, copies in curve],
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
    )
