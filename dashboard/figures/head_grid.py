"""Many heads as rows of 16 numbered cells, so that every number fits on a phone.

A query head's cell has the colour of the K/V head it reads; the cells of the selected one are
framed. MLA's cells are grey and hollow, since every head has a K and V of its own, and below them
lie the latent and the RoPE key that are cached.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.cached_parts import describe_part
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.head_colors import KV_HEAD_FILLS, kv_head_color, kv_head_colorscale
from dashboard.figures.style import FRAME, NEUTRAL, NO_LINE, SMALL, UNDIMMED_BARS, finish
from dashboard.settings.variants import describe_latent
from gqa_core import units
from gqa_core.configs import AttentionConfig, LatentConfig
from gqa_core.theory.sharing import CachedPart

COLUMNS = 16
CELL = 22  # pixels of a row
TITLE = 1.6  # height of a title in rows


def head_grid(attention: AttentionConfig, parts: Sequence[CachedPart], selected: int) -> go.Figure:
    """Cells of query heads above, of K/V heads (or MLA's two parts) below, each under a title."""
    figure = FigureBuilder()
    n_heads = attention.n_heads
    below = -_n_rows(n_heads) - TITLE
    if isinstance(attention, LatentConfig):
        _add_title(figure, 0, f"{n_heads} query heads, each with its own K and V: not cached")
        _add_hollow(figure, n_heads)
        _add_title(figure, below, f"{describe_latent(attention)}: cached")
        _add_bars(figure, parts, below, selected)
        end = below - 1
    else:
        readers = [index for index, part in enumerate(parts) for _ in part.query_heads]
        _add_title(figure, 0, f"{n_heads} query heads, in the colour of the K/V head they read")
        _add_cells(
            figure,
            "query heads",
            0,
            readers,
            [f"query head {q}<br>reads {parts[kv].name}" for q, kv in enumerate(readers)],
            selected,
            [parts[kv].name for kv in readers],
        )
        _add_title(figure, below, f"{units.count(len(parts), 'K/V head')}, cached")
        hovers = [describe_part(part) for part in parts]
        names = [part.name for part in parts]
        _add_cells(figure, "K/V heads", below, range(len(parts)), hovers, selected, names)
        end = below - _n_rows(len(parts))
    figure.update_xaxes(visible=False, range=[-0.6, COLUMNS - 0.4], fixedrange=True)
    figure.update_yaxes(visible=False, range=[end - 0.1, TITLE], fixedrange=True)
    height = round(CELL * (TITLE - end)) + 16
    return finish(figure, height, showlegend=False, barmode="overlay")


def _n_rows(n_cells: int) -> int:
    return -(-n_cells // COLUMNS)


def _place(index: int, top: float) -> tuple[int, float]:
    """The middle of a cell: its column, and its row below `top`."""
    row, column = divmod(index, COLUMNS)
    return column, top - row - 0.5


def _add_cells(
    figure: FigureBuilder,
    name: str,
    top: float,
    colors: Sequence[int],
    hovers: Sequence[str],
    selected: int,
    part_names: Sequence[str],
) -> None:
    """Numbered cells in their colours, and a frame around those of the selected part."""
    rows = range(_n_rows(len(colors)))
    chunks = [slice(row * COLUMNS, (row + 1) * COLUMNS) for row in rows]
    figure.add_heatmap(
        x=list(range(COLUMNS)),
        y=[top - row - 0.5 for row in rows],
        z=[_padded([color % len(KV_HEAD_FILLS) for color in colors[chunk]]) for chunk in chunks],
        name=name,
        colorscale=kv_head_colorscale(),
        zmin=-0.5,
        zmax=len(KV_HEAD_FILLS) - 0.5,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    places = [_place(index, top) for index in range(len(colors))]
    framed = [place for place, color in zip(places, colors, strict=True) if color == selected]
    for color, width in FRAME:
        figure.add_scatter(
            x=[
                x + dx if dx else None
                for x, _ in framed
                for dx in (-0.45, 0.45, 0.45, -0.45, -0.45, 0)
            ],
            y=[
                y + dy if dy else None
                for _, y in framed
                for dy in (-0.42, -0.42, 0.42, 0.42, -0.42, 0)
            ],
            name="selected",
            mode="lines",
            line={"color": color, "width": width},
            hoverinfo="skip",
        )
    _add_numbers(figure, places, [kv_head_color(color)[1] for color in colors])
    _add_targets(figure, places, hovers, part_names)


def _add_hollow(figure: FigureBuilder, n_heads: int) -> None:
    places = [_place(head, 0) for head in range(n_heads)]
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        name="query heads",
        mode="markers+text",
        marker={"symbol": "square-open", "size": 19, "color": NEUTRAL},
        text=[str(head) for head in range(n_heads)],
        textfont={"size": SMALL},
        hovertext=[f"query head {head}<br>computes its own K and V" for head in range(n_heads)],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_bars(
    figure: FigureBuilder, parts: Sequence[CachedPart], top: float, selected: int
) -> None:
    start = -0.5
    for index, part in enumerate(parts):
        width = part.read_share * COLUMNS
        figure.add_bar(
            x=[width],
            base=[start],
            y=[top - 0.5],
            width=0.9,
            orientation="h",
            name=part.name,
            marker={"color": kv_head_color(index)[0], "line": NO_LINE},
            customdata=[part.name],
            **UNDIMMED_BARS,
            hovertext=[describe_part(part)],
            hovertemplate="%{hovertext}<extra></extra>",
        )
        start += width


def _add_numbers(
    figure: FigureBuilder, places: Sequence[tuple[float, float]], text_colors: Sequence[str]
) -> None:
    """The number of each cell, one trace per colour of text: a click fades none of them."""
    for color in sorted(set(text_colors)):
        numbers = [index for index, own in enumerate(text_colors) if own == color]
        figure.add_scatter(
            x=[places[index][0] for index in numbers],
            y=[places[index][1] for index in numbers],
            name="numbers",
            mode="text",
            text=[str(index) for index in numbers],
            textfont={"size": SMALL, "color": color},
            unselected={"textfont": {"color": color}},
            hoverinfo="skip",
        )


def _add_targets(
    figure: FigureBuilder,
    places: Sequence[tuple[float, float]],
    hovers: Sequence[str],
    part_names: Sequence[str],
) -> None:
    """Markers that nobody sees, one per cell: the cells of a heat map take no click."""
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        name="targets",
        mode="markers",
        marker={"symbol": "square", "size": CELL - 4, "color": "rgba(0,0,0,0)", "line": NO_LINE},
        customdata=list(part_names),
        **UNDIMMED_BARS,
        hovertext=list(hovers),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_title(figure: FigureBuilder, top: float, text: str) -> None:
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        y=top + TITLE / 2,
        showarrow=False,
        text=text,
        font={"size": 12},
    )


def _padded(cells: list) -> list:
    return cells + [None] * (COLUMNS - len(cells))
