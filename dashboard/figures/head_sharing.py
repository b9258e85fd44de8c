"""Who shares with whom: query heads above, what is cached for them below, a row a variant.

Up to 64 query heads are blocks, joined by lines to what they read. More of them would run into
each other: there one funnel leads from all query heads of a K/V head down to it.

Blocks are pieces of one thick line, and all of a row is two traces: a marker each and a trace for
each kind of head took twice as long to draw, which a slider waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import VARIANT_STYLES, finish
from dashboard.settings.variants import describe_cache
from gqa_core.configs import AttentionConfig, GroupedConfig

ROW_HEIGHT = 124
QUERY_Y, KV_Y, LABEL_Y = 0.58, 0.1, 0.85
QUERY_HALF, KV_HALF = 4 / ROW_HEIGHT, 7 / ROW_HEIGHT  # half a block's height, in rows
MAX_BLOCKS = 64
FOOT = 1 / 160  # half of a funnel's lower end, of the width
FAINT = 0.42  # every second funnel, so that neighbours are told apart
PHONE = 260  # pixels between the margins of a phone


def head_sharing(rows: Mapping[str, AttentionConfig]) -> go.Figure:
    """One row a variant: query heads above, K/V heads below, and in between who reads what."""
    figure = FigureBuilder()
    bases = {name: float(len(rows) - 1 - index) for index, name in enumerate(rows)}
    for variant, attention in rows.items():
        draw = _add_blocks if attention.n_heads <= MAX_BLOCKS else _add_funnels
        draw(figure, variant, bases[variant], _sharers(attention))
    if rows:
        figure.add_scatter(
            x=[-0.6] * len(rows),
            y=[base + LABEL_Y for base in bases.values()],
            mode="text",
            text=[
                f"<b>{name}</b>  {describe_cache(attention)}" for name, attention in rows.items()
            ],
            textposition="middle right",
            hoverinfo="skip",
        )
    n_heads = max((attention.n_heads for attention in rows.values()), default=1)
    figure.update_xaxes(visible=False, range=[-0.7, n_heads - 0.3], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, len(rows)], fixedrange=True)
    return finish(figure, height=ROW_HEIGHT * max(len(rows), 1), showlegend=False)


def _sharers(attention: AttentionConfig) -> list[range]:
    """The query heads behind each thing that is cached: K/V heads, or MLA's one latent."""
    per = attention.q_per_kv if isinstance(attention, GroupedConfig) else attention.n_heads
    return [range(start, start + per) for start in range(0, attention.n_heads, per)]


def _name(variant: str) -> str:
    return "latent" if variant == "MLA" else "K/V head"


def _middle(heads: range) -> float:
    return (heads[0] + heads[-1]) / 2


def _cached_blocks(
    variant: str, base: float, sharers: Sequence[range]
) -> list[tuple[float, float, float, str]]:
    """Place, middle and half height of what is cached, and what is told of it."""
    return [
        (
            _middle(heads),
            base + KV_Y,
            KV_HALF,
            f"{_name(variant)} {kv}, read by {len(heads)} query heads",
        )
        for kv, heads in enumerate(sharers)
    ]


def _add_blocks(figure: FigureBuilder, variant: str, base: float, sharers: Sequence[range]) -> None:
    """Query heads, what is cached, and a line from each head to what it reads."""
    pairs = [(kv, heads, head) for kv, heads in enumerate(sharers) for head in heads]
    figure.add_scatter(
        x=[x for _, heads, head in pairs for x in (head, _middle(heads), None)],
        y=[base + QUERY_Y, base + KV_Y, None] * len(pairs),
        mode="lines",
        line={"color": VARIANT_STYLES[variant].color, "width": 1},
        hoverinfo="skip",
    )
    blocks = [
        (head, base + QUERY_Y, QUERY_HALF, f"query head {head} reads {_name(variant)} {kv}")
        for kv, _, head in pairs
    ]
    blocks += _cached_blocks(variant, base, sharers)
    _add_line_of(figure, variant, blocks, min(max(0.7 * PHONE / len(pairs), 2), 10))


def _add_line_of(
    figure: FigureBuilder,
    variant: str,
    blocks: Sequence[tuple[float, float, float, str]],
    width: float,
) -> None:
    """Blocks so many pixels wide, as one broken line."""
    figure.add_scatter(
        x=[x for at, _, _, _ in blocks for x in (at, at, None)],
        y=[y for _, middle, half, _ in blocks for y in (middle - half, middle + half, None)],
        mode="lines",
        line={"color": VARIANT_STYLES[variant].color, "width": width},
        text=[text for _, _, _, told in blocks for text in (told, told, "")],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )


def _add_funnels(
    figure: FigureBuilder, variant: str, base: float, sharers: Sequence[range]
) -> None:
    """One filled shape for each K/V head, as wide above as the query heads that read it."""
    n_heads = sharers[-1][-1] + 1
    for parity in (0, 1):
        xs, ys = [], []
        for heads in sharers[parity::2]:
            left, right, middle = heads[0] - 0.42, heads[-1] + 0.42, _middle(heads)
            foot = min(n_heads * FOOT, right - middle)
            xs += [left, right, middle + foot, middle - foot, left, None]
            ys += [base + QUERY_Y] * 2 + [base + KV_Y] * 2 + [base + QUERY_Y, None]
        if xs:
            figure.add_scatter(
                x=xs,
                y=ys,
                name=f"{variant} query heads",
                mode="lines",
                fill="toself",
                fillcolor=VARIANT_STYLES[variant].color,
                line={"color": VARIANT_STYLES[variant].color, "width": 0},
                opacity=FAINT if parity else 1.0,
                hoverinfo="skip",
            )
    width = min(6, max(PHONE / len(sharers), 1))
    _add_line_of(figure, variant, _cached_blocks(variant, base, sharers), width)
