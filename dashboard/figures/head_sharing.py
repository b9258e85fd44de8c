"""Query heads above, and the cached parts that they read below: one row per variant.

Up to 64 query heads are blocks, joined by lines to what they read. More of them would run into
each other: there one trapezoid leads from all query heads of a K/V head down to it. What is filled
below is cached; MLA's hollow row (`latent_sharing`) is computed from the cache and not kept.

Blocks are pieces of one thick line, and all of a row is two traces: a marker each and a trace for
each kind of head took twice as long to draw, which a slider waits for.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.latent_sharing import LATENT_HEIGHT, OWN_Y, add_latent
from dashboard.figures.sharing_row import (
    KV_HALF,
    KV_Y,
    MAX_BLOCKS,
    PHONE,
    QUERY_HALF,
    QUERY_Y,
    ROW_HEIGHT,
    Block,
    add_blocks,
    add_query_heads,
    add_trapezoids,
    block_width,
)
from dashboard.figures.style import VARIANT_STYLES, finish
from dashboard.settings.variants import describe_cache
from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig

TITLE = 0.28  # below the upper end of a row
ROW_NAMES = 74  # pixels left of the heads


def head_sharing(rows: Mapping[str, AttentionConfig]) -> go.Figure:
    """One row per variant: query heads above, K/V heads below, and lines from readers to parts."""
    figure = FigureBuilder()
    top = sum(map(_height, rows.values()))
    base = top
    for variant, attention in rows.items():
        base -= _height(attention)
        if isinstance(attention, LatentConfig):
            add_latent(figure, attention, base)
        else:
            _add_grouped(figure, variant, attention, base)
        _add_names(figure, variant, attention, base)
    n_heads = max((attention.n_heads for attention in rows.values()), default=1)
    figure.update_xaxes(visible=False, range=[-0.7, n_heads - 0.3], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, max(top, 1)], fixedrange=True)
    return finish(
        figure,
        height=round(ROW_HEIGHT * max(top, 1)) + 4,
        showlegend=False,
        margin={"l": ROW_NAMES, "t": 2, "b": 2},
    )


def _height(attention: AttentionConfig) -> float:
    return LATENT_HEIGHT if isinstance(attention, LatentConfig) else 1.0


def _add_names(
    figure: FigureBuilder, variant: str, attention: AttentionConfig, base: float
) -> None:
    """The variant and what it caches above the row, and left of the heads what they are."""
    names = {QUERY_Y: "query heads", KV_Y: "K/V heads"}
    if isinstance(attention, LatentConfig):
        lift = LATENT_HEIGHT - 1
        names = {QUERY_Y + lift: "query heads", OWN_Y: "own K and V", KV_Y: "latent + key"}
    for y, name in names.items():
        figure.add_annotation(
            x=0, xref="paper", xanchor="right", y=base + y, text=name, showarrow=False
        )
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        xshift=-ROW_NAMES,
        y=base + _height(attention) - TITLE / 2,
        text=f"<b>{variant}</b>  {describe_cache(attention)}",
        showarrow=False,
        font={"size": 13},
    )


def _add_grouped(
    figure: FigureBuilder, variant: str, attention: GroupedConfig, base: float
) -> None:
    color, per = VARIANT_STYLES[variant].color, attention.q_per_kv
    readers = [range(start, start + per) for start in range(0, attention.n_heads, per)]
    cached = [
        Block(
            (heads[0] + heads[-1]) / 2,
            base + KV_Y,
            KV_HALF,
            f"{variant}: K/V head {kv}, read by {len(heads)} query heads",
        )
        for kv, heads in enumerate(readers)
    ]
    if attention.n_heads > MAX_BLOCKS:
        add_trapezoids(figure, variant, color, readers, (base + QUERY_Y, base + KV_Y))
        add_blocks(figure, color, cached, min(6, max(PHONE / len(readers), 1)))
        return
    add_query_heads(
        figure,
        color,
        [(head, cached[head // per].x) for head in range(attention.n_heads)],
        (base + QUERY_Y, base + KV_Y),
    )
    queries = [
        Block(
            head,
            base + QUERY_Y,
            QUERY_HALF,
            f"{variant}: query head {head} reads K/V head {head // per}",
        )
        for head in range(attention.n_heads)
    ]
    add_blocks(figure, color, [*queries, *cached], block_width(attention.n_heads))
