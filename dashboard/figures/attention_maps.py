"""Attention of every query head: one map per head, grouped by the colour of their K/V head.

A row is the byte that attends, a column the byte it attends to; later bytes are empty, since no
head attends to them. The maps of heads that share a K/V head lie side by side on one background
colour; a head that shares none has no background.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.builder import skip_second_draw
from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.style import (
    base_layout,
    translucent,
    unit_interval_coloraxis,
)

COLUMNS = 2  # maps side by side, also on a phone
ROW, FOOT = 190, 86  # pixels of a map with its title, and of the colour bar
TITLE = 26  # pixels
SPREAD = 2.5  # of the colours: small weights differ visibly too

Matrix = Sequence[Sequence[float]]


def attention_maps(weights: Sequence[Matrix], n_kv_heads: int, tokens: Sequence[int]) -> go.Figure:
    """Attention weights (h, t, t) of every query head over a text of these bytes."""
    n_rows, labels = -(-len(weights) // COLUMNS), token_labels(tokens)
    q_per_kv, plot_height = len(weights) // n_kv_heads, ROW * n_rows
    title = TITLE / plot_height
    figure = make_subplots(rows=n_rows, cols=COLUMNS, vertical_spacing=title)
    for head, matrix in enumerate(weights):
        row, column = divmod(head, COLUMNS)
        figure.add_trace(_map(f"query head {head}", matrix), row=row + 1, col=column + 1)
        _add_title(figure, head, head // q_per_kv, title)
        if q_per_kv > 1:
            _add_background(figure, head, kv_head_color(head // q_per_kv)[0], title)
    ticks = {
        "tickvals": list(range(len(labels))),
        "ticktext": labels,
        "showticklabels": False,
        "ticks": "",
    }
    ends = [-0.5, len(labels) - 0.5]
    options = {"showgrid": False, "zeroline": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(range=ends, **ticks, **options)
    figure.update_yaxes(range=ends[::-1], **ticks, **options)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    figure.update_layout(base_layout(plot_height + TITLE + FOOT))
    figure.update_layout(
        margin={"t": TITLE, "b": FOOT},
        coloraxis=unit_interval_coloraxis("attention weight", power=SPREAD),
    )
    return skip_second_draw(figure)


def token_labels(tokens: Sequence[int]) -> list[str]:
    """Bytes as letters, numbered from 0; unprintable ones in hexadecimal."""
    return [
        f"byte {index}, {chr(token)!r}" if 32 <= token < 127 else f"byte {index}, 0x{token:02x}"
        for index, token in enumerate(tokens)
    ]


def _map(name: str, matrix: Matrix) -> go.Heatmap:
    visible = [
        [weight if key <= query else None for key, weight in enumerate(weights)]
        for query, weights in enumerate(matrix)
    ]
    return go.Heatmap(
        z=visible,
        name=name,
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate=f"{name}<br>%{{y}}<br>attends to %{{x}}<br>weight %{{z:.3f}}<extra></extra>",
    )


def _add_background(figure: go.Figure, head: int, fill: str, title: float) -> None:
    """A colour behind a map and its title; backgrounds touch, so a group of heads is one block."""
    left, (bottom, top) = _slot(figure, head)
    figure.add_shape(
        type="rect",
        layer="below",
        xref="paper",
        yref="paper",
        x0=left,
        x1=left + 1 / COLUMNS,
        y0=bottom,
        y1=top + title,
        fillcolor=translucent(fill),
        line={"width": 0},
    )


def _add_title(figure: go.Figure, head: int, kv_head: int, title: float) -> None:
    left, (_, top) = _slot(figure, head)
    figure.add_annotation(
        text=f"<b>head {head}</b> reads K/V {kv_head}",
        xref="paper",
        yref="paper",
        x=left + 0.01,
        y=top + title,
        xanchor="left",
        yanchor="top",
        showarrow=False,
        font={"size": 12},
    )


def _slot(figure: go.Figure, head: int) -> tuple[float, tuple[float, float]]:
    """Left edge, and (lower, upper) end, of a map's slot, as fractions of the figure."""
    row, column = divmod(head, COLUMNS)
    return column / COLUMNS, next(figure.select_yaxes(row=row + 1, col=column + 1)).domain
