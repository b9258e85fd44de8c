"""One layer's query heads and the cached parts that they read.

Up to 64 query heads are circles above what they read, joined by lines; more of them are rows of
numbered cells, joined by colour. Neighbours never have the same colour. What is filled below is
cached; what is hollow, MLA's own K and V of every head, is recomputed for each step.

What a click selects bears the name of its cached part as customdata.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.cached_parts import describe_part
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.head_grid import head_grid
from dashboard.figures.style import (
    FAINT,
    NEUTRAL,
    NO_LINE,
    UNDIMMED,
    UNDIMMED_BARS,
    finish,
    translucent,
)
from dashboard.settings.variants import describe_latent
from gqa_core import units
from gqa_core.configs import AttentionConfig, LatentConfig
from gqa_core.theory.sharing import CachedPart, cached_parts

MAX_JOINED = 64
SELECTED = 4  # additional pixels of a selected marker
MAX_LABELS = 16  # numbers side by side on a phone
LEVEL = 118  # pixels between two rows
OWN = "hollow: own K and V, not cached"


def head_map(attention: AttentionConfig, kv_format: str, selected: int = 0) -> go.Figure:
    """Query heads above, what they read below; part number `selected` of the cache stands out."""
    parts = cached_parts(attention, kv_format)
    if attention.n_heads > MAX_JOINED:
        return head_grid(attention, parts, selected)
    figure = FigureBuilder()
    if isinstance(attention, LatentConfig):
        _add_latent(figure, attention, parts, selected)
    else:
        _add_shared(figure, parts, selected)
    top = 2 if isinstance(attention, LatentConfig) else 1
    own = f"; {OWN}" if isinstance(attention, LatentConfig) else ""
    _add_label(figure, top + 0.36, units.count(attention.n_heads, "query head") + own)
    figure.update_xaxes(visible=False, range=[-0.7, attention.n_heads - 0.3], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.55, top + 0.5], fixedrange=True)
    height = round(LEVEL * (top + 1.1))
    return finish(figure, height, showlegend=False, barmode="overlay")


def _add_shared(figure: FigureBuilder, parts: Sequence[CachedPart], selected: int) -> None:
    """Grouped heads: circles over squares joined by lines, in the colour of their K/V head."""
    middles = [(part.query_heads[0] + part.query_heads[-1]) / 2 for part in parts]
    larger = [SELECTED if index == selected else 0 for index in range(len(parts))]
    _add_band(figure, parts[selected], middles[selected], kv_head_color(selected)[0])
    readers = [(head, index) for index, part in enumerate(parts) for head in part.query_heads]
    by_style: dict[tuple[str, bool], list[tuple[int, int]]] = {}  # drawn as one broken line
    for head, index in readers:
        by_style.setdefault((kv_head_color(index)[0], index == selected), []).append((head, index))
    for (color, stands_out), ends in by_style.items():
        figure.add_scatter(
            x=[x for head, index in ends for x in (head, middles[index], None)],
            y=[1, 0, None] * len(ends),
            name="reads",
            mode="lines",
            line={"color": color, "width": 2.5 if stands_out else 1},
            opacity=1.0 if stands_out else FAINT,
            hoverinfo="skip",
        )
    _add_row(
        figure,
        1,
        "query heads",
        [head for head, _ in readers],
        [f"query head {head}<br>reads {parts[index].name}" for head, index in readers],
        {
            "color": [kv_head_color(index)[0] for _, index in readers],
            "symbol": "circle",
        },
        larger=[larger[index] for _, index in readers],
        part_names=[parts[index].name for _, index in readers],
    )
    _add_row(
        figure,
        0,
        "K/V heads",
        middles,
        [describe_part(part) for part in parts],
        {
            "color": [kv_head_color(index)[0] for index in range(len(parts))],
            "symbol": "square",
        },
        larger=larger,
        n_heads=len(readers),
        part_names=[part.name for part in parts],
    )
    _add_label(figure, -0.42, f"{units.count(len(parts), 'K/V head')}, cached")


def _add_band(figure: FigureBuilder, part: CachedPart, middle: float, color: str) -> None:
    """A pale field behind a K/V head and the query heads that read it."""
    left, right = part.query_heads[0] - 0.5, part.query_heads[-1] + 0.5
    figure.add_scatter(
        x=[left, right, right, middle + 0.5, middle - 0.5, left, left],
        y=[1.14, 1.14, 0.86, -0.14, -0.14, 0.86, 1.14],
        name="selected",
        mode="lines",
        fill="toself",
        fillcolor=translucent(color),
        line=NO_LINE,
        hoverinfo="skip",
    )


def _add_latent(
    figure: FigureBuilder,
    attention: LatentConfig,
    parts: Sequence[CachedPart],
    selected: int,
) -> None:
    """MLA: query heads over their own hollow K and V, computed from the two filled bars below."""
    n_heads, start = attention.n_heads, -0.5
    heads = list(range(n_heads))
    for index, part in enumerate(parts):
        fill, width = kv_head_color(index)[0], part.read_share * n_heads
        figure.add_scatter(
            x=[x for head in heads for x in (head, start + width / 2, None)],
            y=[1, 0.15, None] * n_heads,
            name="expands",
            mode="lines",
            line={"color": fill, "width": 2 if index == selected else 1},
            opacity=1.0 if index == selected else FAINT,
            hoverinfo="skip",
        )
        figure.add_bar(
            x=[width],
            base=[start],
            y=[0],
            width=0.3,
            orientation="h",
            name=part.name,
            marker={"color": fill, "line": NO_LINE},
            customdata=[part.name],
            **UNDIMMED_BARS,
            hovertext=[describe_part(part)],
            hovertemplate="%{hovertext}<extra></extra>",
        )
        start += width
    figure.add_scatter(
        x=[x for head in heads for x in (head, head, None)],
        y=[2, 1, None] * n_heads,
        name="reads",
        mode="lines",
        line={"color": NEUTRAL, "width": 1},
        opacity=FAINT,
        hoverinfo="skip",
    )
    own = [f"K and V of head {head} alone<br>computed for each step, not cached" for head in heads]
    _add_row(
        figure,
        1,
        "own K and V",
        heads,
        own,
        {"color": NEUTRAL, "symbol": "square-open"},
        labels=False,
    )
    queries = [f"query head {head}<br>reads a K and V of its own" for head in heads]
    _add_row(figure, 2, "query heads", heads, queries, {"color": NEUTRAL, "symbol": "circle"})
    _add_label(figure, -0.36, f"filled: {describe_latent(attention)}, cached")


def _add_row(
    figure: FigureBuilder,
    y: float,
    name: str,
    xs: Sequence[float],
    hovers: Sequence[str],
    marker: dict,
    *,
    n_heads: int | None = None,
    larger: Sequence[int] = (),
    labels: bool = True,
    part_names: Sequence[str] = (),
) -> None:
    """A row of markers, numbered as densely as a phone can show; `larger` adds pixels."""
    step = -(-len(xs) // MAX_LABELS)
    size = min(max(260 / (n_heads or len(xs)), 4), 16)
    size = size if y else min(size + 3, 300 / len(xs))
    figure.add_scatter(
        x=list(xs),
        y=[y] * len(xs),
        name=name,
        mode="markers+text" if labels else "markers",
        marker={
            "size": [size + more for more in larger or [0] * len(xs)],
            "opacity": 1,
            "line": NO_LINE,
            **marker,
        },
        text=[str(index) if index % step == 0 else "" for index in range(len(xs))],
        textposition="top center" if y else "bottom center",
        textfont={"size": 11},
        customdata=list(part_names),
        **UNDIMMED,
        hovertext=list(hovers),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_label(figure: FigureBuilder, y: float, text: str) -> None:
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=y, showarrow=False, text=text, font={"size": 12}
    )
