"""MLA in three steps: the latent that is cached, expanded for every head, and met by the query.

What is filled is kept in memory and read by each step; what is hollow is computed and thrown away.
Eight heads stand for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.mla_forms import MlaForms
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import DARK, INK, NEUTRAL, NO_LINE, VARIANT_STYLES, finish
from gqa_core import units

ROW = 132  # pixels
BASES, TITLES_Y = (2.2, 1.1, 0.0), (0.46, 0.88, 0.88)  # of the rows, and of their titles above
TOP = 2.85
DRAWN_HEADS = 8
QUERY_Y, OWN_Y, LATENT_Y = 0.64, 0.43, 0.1
OWN_HALF, LATENT_HALF = 0.05, 0.08
LATENT = (1.2, 6.6)  # from where to where the latent and the key lie, in heads
MIDDLE = sum(LATENT) / 2
COLOR = VARIANT_STYLES["MLA"].color
Box = tuple[float, float, float, float]  # left, right, low, high


def mla_steps_figure(forms: MlaForms) -> go.Figure:
    """Three rows from top to bottom: cached, naive, absorbed."""
    figure = FigureBuilder()
    n_drawn = min(forms.attention.n_heads, DRAWN_HEADS)
    heads = [(index + 0.5) * DRAWN_HEADS / n_drawn for index in range(n_drawn)]
    naive, absorbed = BASES[1:]
    for base in (naive, absorbed):
        top = base + LATENT_Y + LATENT_HALF
        _add_lines(figure, [(MIDDLE, top, head, base + OWN_Y - OWN_HALF) for head in heads])
        _add_lines(
            figure, [(head, base + OWN_Y + OWN_HALF, head, base + QUERY_Y) for head in heads]
        )
    cached = [box for base in (BASES[0], absorbed) for box in _latent(forms, base)]
    _add_boxes(figure, cached, "latent and key: kept, and read by each step", filled=True)
    _add_boxes(figure, _latent(forms, naive), "latent and key: expanded, not kept", filled=False)
    own = [box for head in heads for box in _own_boxes(forms, head, naive + OWN_Y)]
    _add_boxes(figure, own, "K and V of one head: kept, and read by each step", filled=True)
    folded = [_box(head - 0.35, head + 0.35, absorbed + OWN_Y, OWN_HALF) for head in heads]
    _add_boxes(figure, folded, "query folded to the latent's width: for this step", filled=False)
    _add_queries(figure, [(head, base + QUERY_Y) for base in (naive, absorbed) for head in heads])
    _add_names(figure)
    for base, top, title in zip(BASES, TITLES_Y, _titles(forms), strict=True):
        _add_title(figure, base + top, title)
    figure.update_xaxes(visible=False, range=[-0.1, DRAWN_HEADS + 0.1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, TOP], fixedrange=True)
    return finish(figure, height=round(TOP * ROW), showlegend=False)


def _titles(forms: MlaForms) -> tuple[str, str, str]:
    latent, naive, absorbed = forms.attention, forms.naive, forms.absorbed
    more = units.times(naive.elements_per_token / absorbed.elements_per_token)
    work = units.times(absorbed.flops / naive.flops)
    return (
        f"<b>1 Cached</b>: a latent of {latent.kv_lora_rank} and a key of {latent.qk_rope_head_dim}"
        f"<br>{absorbed.elements_per_token:,} elements per token, for all heads",
        f"<b>2 Naive</b>: expanded to K and V of each of {latent.n_heads} heads"
        f"<br>{naive.elements_per_token:,} elements per token kept and read, {more} as many",
        "<b>3 Absorbed</b>: the query is folded and meets the latent"
        f"<br>{absorbed.elements_per_token:,} elements per token to read, {work} the FLOP of naive",
    )


def _box(left: float, right: float, middle: float, half: float) -> Box:
    return left, right, middle - half, middle + half


def _latent(forms: MlaForms, base: float) -> list[Box]:
    """The latent and the RoPE key, as wide as their elements."""
    left, right = LATENT
    rank, key = forms.attention.kv_lora_rank, forms.attention.qk_rope_head_dim
    split, y = left + (right - left) * rank / (rank + key), base + LATENT_Y
    latent = _box(left, split, y, LATENT_HALF)
    return [latent, _box(split + 0.08, right + 0.08, y, LATENT_HALF)] if key else [latent]


def _own_boxes(forms: MlaForms, head: float, y: float) -> list[Box]:
    """K and V of one head, as wide as their elements."""
    k, v = forms.naive.widths
    split = head - 0.35 + 0.7 * k / (k + v)
    left = _box(head - 0.35, split - 0.02, y, OWN_HALF)
    return [left, _box(split + 0.02, head + 0.35, y, OWN_HALF)]


def _add_names(figure: FigureBuilder) -> None:
    """Add a name to each box of the latent: black on the filled ones."""
    figure.add_scatter(
        x=[MIDDLE] * len(BASES),
        y=[base + LATENT_Y for base in BASES],
        mode="text",
        name="names",
        text=["latent, cached", "latent", "latent, cached"],
        textfont={"size": 12, "color": [DARK, INK, DARK]},
        hoverinfo="skip",
    )


def _add_lines(figure: FigureBuilder, ends: Sequence[Box]) -> None:
    figure.add_scatter(
        x=[x for left, _, right, _ in ends for x in (left, right, None)],
        y=[y for _, low, _, high in ends for y in (low, high, None)],
        name="lines",
        mode="lines",
        line={"color": NEUTRAL, "width": 1},
        hoverinfo="skip",
    )


def _add_boxes(figure: FigureBuilder, boxes: Sequence[Box], name: str, *, filled: bool) -> None:
    figure.add_scatter(
        x=[x for left, right, *_ in boxes for x in (left, right, right, left, left, None)],
        y=[y for *_, low, high in boxes for y in (low, low, high, high, low, None)],
        name=name,
        mode="lines",
        fill="toself" if filled else "none",
        fillcolor=COLOR,
        line={"color": COLOR, "width": 1.5},
        hoveron="points",
        hovertemplate=f"{name}<extra></extra>",
    )


def _add_queries(figure: FigureBuilder, places: Sequence[tuple[float, float]]) -> None:
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        name="queries",
        mode="markers",
        marker={"color": NEUTRAL, "size": 9, "line": NO_LINE},
        hovertemplate="query of one head<extra></extra>",
    )


def _add_title(figure: FigureBuilder, y: float, text: str) -> None:
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        align="left",
        y=y,
        text=text,
        showarrow=False,
        font={"size": 13},
    )
