"""Similarity of all pairs of heads of a layer: one heat map per trait, one row per model.

A frame in the colour of a K/V head lies around the heads that share it.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.data.head_inspection import TRAITS
from dashboard.figures.builder import skip_second_draw
from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.style import SMALL, base_layout, unit_interval_coloraxis
from gqa_core import units
from gqa_core.records.head_inspection import Matrix, Trait

ROW, TITLE, FOOT = 215, 60, 96  # pixels of a row, of the titles above it, and of the colour bar


def head_similarity(models: Mapping[int, Mapping[Trait, Matrix]]) -> go.Figure:
    """CKA (h, h) per trait, by the number of K/V heads; colours always from 0 to 1."""
    plot_height = ROW * len(models)
    title = TITLE / plot_height
    figure = make_subplots(
        rows=len(models), cols=len(TRAITS), vertical_spacing=title, horizontal_spacing=0.04
    )
    for row, (n_kv_heads, matrices) in enumerate(models.items(), start=1):
        for column, name in enumerate(TRAITS, start=1):
            figure.add_trace(_map(TRAITS[name], matrices[name]), row=row, col=column)
            _add_frames(figure, len(matrices[name]), n_kv_heads, row, column)
        _add_titles(figure, n_kv_heads, row, title)
    figure.update_xaxes(
        showgrid=False, zeroline=False, fixedrange=True, constrain="domain", dtick=1
    )
    figure.update_yaxes(
        showgrid=False, zeroline=False, fixedrange=True, constrain="domain", dtick=1
    )
    figure.update_yaxes(autorange="reversed", constraintoward="top")
    figure.update_xaxes(tickfont={"size": SMALL}, tickangle=0, automargin=True)
    figure.update_yaxes(tickfont={"size": SMALL}, automargin=True)
    for column in range(2, len(TRAITS) + 1):
        figure.update_yaxes(showticklabels=False, ticks="", col=column)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    figure.update_layout(base_layout(plot_height + TITLE + FOOT))
    figure.update_layout(
        margin={"t": TITLE, "b": FOOT},
        coloraxis=unit_interval_coloraxis("linear CKA"),
        showlegend=False,
    )
    return skip_second_draw(figure)


def _map(name: str, matrix: Matrix) -> go.Heatmap:
    return go.Heatmap(
        z=[list(row) for row in matrix],
        name=name,
        coloraxis="coloraxis",
        hovertemplate=f"{name} of query heads %{{y}} and %{{x}}<br>CKA %{{z:.3f}}<extra></extra>",
    )


def _add_frames(figure: go.Figure, n_heads: int, n_kv_heads: int, row: int, column: int) -> None:
    """A square around the heads of each K/V head that more than one reads."""
    q_per_kv = n_heads // n_kv_heads
    if q_per_kv == 1:
        return
    for kv_head in range(n_kv_heads):
        low, high = kv_head * q_per_kv - 0.5, (kv_head + 1) * q_per_kv - 0.5
        figure.add_shape(
            type="rect",
            x0=low,
            x1=high,
            y0=low,
            y1=high,
            line={"color": kv_head_color(kv_head)[0], "width": 3},
            row=row,
            col=column,
        )


def _add_titles(figure: go.Figure, n_kv_heads: int, row: int, title: float) -> None:
    """The model's name above its row, and the trait above each map."""
    for column, name in enumerate(TRAITS.values(), start=1):
        across = next(figure.select_xaxes(row=row, col=column)).domain
        top = next(figure.select_yaxes(row=row, col=column)).domain[1]
        _add_text(figure, name, sum(across) / 2, top, xanchor="center", yanchor="bottom")
    text = f"<b>{units.count(n_kv_heads, 'K/V head')}</b>"
    _add_text(figure, text, 0, top + title, xanchor="left", yanchor="top")


def _add_text(figure: go.Figure, text: str, x: float, y: float, **anchors: str) -> None:
    figure.add_annotation(
        text=text,
        xref="paper",
        yref="paper",
        x=x,
        y=y,
        showarrow=False,
        font={"size": 12},
        **anchors,
    )
