"""Query heads above, and the cached parts that they read below: one row per variant.

Up to 64 query heads are blocks, joined by lines to what they read. More of them would run into
each other: there one trapezoid leads from all query heads of a K/V head down to it.

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
FOOT = 1 / 160  # half of a trapezoid's lower side, of the width
FAINT = 0.42  # opacity of every second trapezoid, so that neighbours differ
PHONE = 260  # pixels between the margins of a phone


def head_sharing(rows: Mapping[str, AttentionConfig]) -> go.Figure:
    """One row per variant: query heads above, K/V heads below, and lines from readers to parts."""
    figure = FigureBuilder()
    bases = {name: float(len(rows) - 1 - index) for index, name in enumerate(rows)}
    for variant, attention in rows.items():
        draw = _add_blocks if attention.n_heads <= MAX_BLOCKS else _add_trapezoids
        draw(figure, variant, bases[variant], _readers(attention))
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


def _readers(attention: AttentionConfig) -> list[range]:
    """The query heads that read each cached part: a K/V head, or MLA's one latent."""
    per = attention.q_per_kv if isinstance(attention, GroupedConfig) else attention.n_heads
    return [range(start, start + per) for start in range(0, attention.n_heads, per)]


def _name(variant: str) -> str:
    return "latent" if variant == "MLA" else "K/V head"


def _middle(heads: range) -> float:
    return (heads[0] + heads[-1]) / 2


def _cached_blocks(
    variant: str, base: float, readers: Sequence[range]
) -> list[tuple[float, float, float, str]]:
    """(x, y, half height, hover text) of each cached part."""
    return [
        (
            _middle(heads),
            base + KV_Y,
            KV_HALF,
            f"{_name(variant)} {kv}, read by {len(heads)} query heads",
        )
        for kv, heads in enumerate(readers)
    ]


def _add_blocks(figure: FigureBuilder, variant: str, base: float, readers: Sequence[range]) -> None:
    """Query heads, cached parts, and a line from each head to the part it reads."""
    pairs = [(kv, heads, head) for kv, heads in enumerate(readers) for head in heads]
    figure.add_scatter(
        x=[x for _, heads, head in pairs for x in (head, _middle(heads), None)],
        y=[base + QUERY_Y, base + KV_Y, None] * len(pairs),
        mode="lines",
        line={"color": VARIANT_STYLES[variant].color, "width": 1},
        hoverinfo="skip",
    )
    blocks: list[tuple[float, float, float, str]] = [
        (head, base + QUERY_Y, QUERY_HALF, f"query head {head} reads {_name(variant)} {kv}")
        for kv, _, head in pairs
    ]
    blocks += _cached_blocks(variant, base, readers)
    _add_line(figure, variant, blocks, min(max(0.7 * PHONE / len(pairs), 2), 10))


def _add_line(
    figure: FigureBuilder,
    variant: str,
    blocks: Sequence[tuple[float, float, float, str]],
    width: float,
) -> None:
    """Blocks of this width in pixels, as one broken line."""
    figure.add_scatter(
        x=[x for place, _, _, _ in blocks for x in (place, place, None)],
        y=[y for _, middle, half, _ in blocks for y in (middle - half, middle + half, None)],
        mode="lines",
        line={"color": VARIANT_STYLES[variant].color, "width": width},
        text=[text for _, _, _, hover in blocks for text in (hover, hover, "")],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )


def _add_trapezoids(
    figure: FigureBuilder, variant: str, base: float, readers: Sequence[range]
) -> None:
    """One trapezoid per K/V head, as wide at the top as the query heads that read it."""
    n_heads = readers[-1][-1] + 1
    for parity in (0, 1):
        xs, ys = [], []
        for heads in readers[parity::2]:
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
    width = min(6, max(PHONE / len(readers), 1))
    _add_line(figure, variant, _cached_blocks(variant, base, readers), width)
