"""Who shares with whom: query heads above, what is cached for them below, a row a variant.

Up to 64 query heads are circles, joined by lines to what they read. More of them would run into
each other: there one funnel leads from all query heads of a K/V head down to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.figures.sketch import Sketch
from dashboard.figures.style import LOOKS, laid_out
from dashboard.model.variants import says
from gqa_core.configs import AttentionConfig, GroupedConfig

ROW_HEIGHT = 124
QUERY_Y, KV_Y, LABEL_Y = 0.58, 0.1, 0.85
MAX_CIRCLES = 64
FOOT = 1 / 160  # half of a funnel's lower end, of the width
FAINT = 0.42  # every second K/V head, so that neighbours are told apart

Sharers = list[tuple[int, range]]  # K/V heads, or the one latent, with the query heads that read it


def head_sharing(rows: Mapping[str, AttentionConfig]) -> go.Figure:
    """One row a variant: query heads above, K/V heads as squares, and in between who reads what."""
    figure = Sketch()
    for index, (variant, attention) in enumerate(rows.items()):
        base = float(len(rows) - 1 - index)
        sharers = _sharers(attention)
        for parity in (0, 1):
            chosen = [(kv, heads) for kv, heads in enumerate(sharers) if kv % 2 == parity]
            if chosen:
                draw = _add_circles if attention.n_heads <= MAX_CIRCLES else _add_funnels
                draw(figure, variant, base, chosen, attention.n_heads)
                _add_cached(figure, variant, base, chosen, attention.n_heads)
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=base + LABEL_Y,
            showarrow=False,
            text=f"<b>{variant}</b>  {says(attention)}",
        )
    n_heads = max((attention.n_heads for attention in rows.values()), default=1)
    figure.update_xaxes(visible=False, range=[-0.7, n_heads - 0.3], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, len(rows)], fixedrange=True)
    return laid_out(figure, height=ROW_HEIGHT * max(len(rows), 1), showlegend=False)


def _sharers(attention: AttentionConfig) -> list[range]:
    """The query heads behind each thing that is cached: K/V heads, or MLA's one latent."""
    per = attention.q_per_kv if isinstance(attention, GroupedConfig) else attention.n_heads
    return [range(start, start + per) for start in range(0, attention.n_heads, per)]


def _look(variant: str, chosen: Sharers) -> dict:
    """Colour and opacity of every second K/V head, of which these are."""
    return {"color": LOOKS[variant].color, "opacity": FAINT if chosen[0][0] % 2 else 1.0}


def _name(variant: str) -> str:
    return "latent" if variant == "MLA" else "K/V head"


def _middle(heads: range) -> float:
    return (heads[0] + heads[-1]) / 2


def _size(n_heads: int) -> float:
    """Pixels of a query head's circle."""
    return min(max(260 / n_heads, 3), 14)


def _add_circles(figure: Sketch, variant: str, base: float, chosen: Sharers, n_heads: int) -> None:
    """Query heads, and a line from each to what it reads."""
    look = _look(variant, chosen)
    lines_x, lines_y = [], []
    for _, heads in chosen:
        for head in heads:
            lines_x += [head, _middle(heads), None]
            lines_y += [base + QUERY_Y, base + KV_Y, None]
    figure.add_scatter(
        x=lines_x,
        y=lines_y,
        mode="lines",
        line={"color": look["color"], "width": 1},
        opacity=look["opacity"],
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[head for _, heads in chosen for head in heads],
        y=[base + QUERY_Y for _, heads in chosen for _ in heads],
        mode="markers",
        marker={"size": _size(n_heads), "symbol": "circle", **look},
        text=[
            f"query head {head} reads {_name(variant)} {kv}"
            for kv, heads in chosen
            for head in heads
        ],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )


def _add_funnels(figure: Sketch, variant: str, base: float, chosen: Sharers, n_heads: int) -> None:
    """One filled shape for each K/V head, as wide above as the query heads that read it."""
    xs, ys = [], []
    for _, heads in chosen:
        left, right, middle = heads[0] - 0.42, heads[-1] + 0.42, _middle(heads)
        foot = min(n_heads * FOOT, right - middle)
        xs += [left, right, middle + foot, middle - foot, left, None]
        ys += [base + QUERY_Y] * 2 + [base + KV_Y] * 2 + [base + QUERY_Y, None]
    look = _look(variant, chosen)
    figure.add_scatter(
        x=xs,
        y=ys,
        name=f"{variant} query heads",
        mode="lines",
        fill="toself",
        fillcolor=look["color"],
        line={"color": look["color"], "width": 0},
        opacity=look["opacity"],
        hoverinfo="skip",
    )


def _add_cached(figure: Sketch, variant: str, base: float, chosen: Sharers, n_heads: int) -> None:
    """What is cached, as squares that leave each other room."""
    n_cached = n_heads // len(chosen[0][1])
    size = min(_size(n_heads) + 3, max(260 / n_cached, 3 if n_heads <= MAX_CIRCLES else 1))
    figure.add_scatter(
        x=[_middle(heads) for _, heads in chosen],
        y=[base + KV_Y] * len(chosen),
        mode="markers",
        marker={"size": size, "symbol": "square", **_look(variant, chosen)},
        text=[f"{_name(variant)} {kv}, read by {len(heads)} query heads" for kv, heads in chosen],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )
