"""Query heads above, and the cached parts that they read below: one row per variant.

Up to 64 query heads are blocks, joined by lines to what they read. More of them would run into
each other: there one trapezoid leads from all query heads of a K/V head down to it. What is filled
below is cached; MLA's hollow row (`latent_sharing`) is computed from the cache and not kept.

Blocks are pieces of one thick line, and all of a row is two traces: a marker each and a trace for
each kind of head took twice as long to draw, which a slider waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

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
    """One row per variant: query heads above, K/V heads below, and lines from readers to parts.

    The same figure for the same rows: nobody may change it.
    """
    return _drawn(tuple(rows.items()))


@lru_cache(maxsize=64)  # visitors move the context more often than they choose new heads
def _drawn(named_rows: tuple[tuple[str, AttentionConfig], ...]) -> go.Figure:
    rows = dict(named_rows)
    figure = FigureBuilder()
    bases = _bases(rows)
    for variant, attention in rows.items():
        if isinstance(attention, LatentConfig):
            add_latent(figure, attention, bases[variant])
        else:
            _add_grouped(figure, variant, attention, bases[variant])
    _add_titles(figure, rows, bases)
    n_heads = max((attention.n_heads for attention in rows.values()), default=1)
    top = max(sum(map(_height, rows.values())), 1)
    names = _row_names(rows, bases)
    figure.update_xaxes(visible=False, range=[-0.7, n_heads - 0.3], fixedrange=True)
    figure.update_yaxes(
        tickvals=[y for y, _ in names],
        ticktext=[name for _, name in names],
        range=[0, top],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return finish(
        figure,
        height=round(ROW_HEIGHT * top) + 4,
        showlegend=False,
        margin={"l": ROW_NAMES, "t": 2, "b": 2},
    )


def _bases(rows: Mapping[str, AttentionConfig]) -> dict[str, float]:
    """The lower end of each row: the first row is on top."""
    bases, base = {}, sum(map(_height, rows.values()))
    for variant, attention in rows.items():
        base -= _height(attention)
        bases[variant] = base
    return bases


def _height(attention: AttentionConfig) -> float:
    return LATENT_HEIGHT if isinstance(attention, LatentConfig) else 1.0


def _row_names(
    rows: Mapping[str, AttentionConfig], bases: Mapping[str, float]
) -> list[tuple[float, str]]:
    """Left of the heads, the height and the name of what stands there: ticks of the y axis.

    Annotations would take three times as long to draw.
    """
    names = []
    for variant, attention in rows.items():
        places = {QUERY_Y: "query heads", KV_Y: "K/V heads"}
        if isinstance(attention, LatentConfig):
            query_y = QUERY_Y + LATENT_HEIGHT - 1
            places = {query_y: "query heads", OWN_Y: "own K and V", KV_Y: "latent + key"}
        names += [(bases[variant] + y, name) for y, name in places.items()]
    return names


def _add_titles(
    figure: FigureBuilder, rows: Mapping[str, AttentionConfig], bases: Mapping[str, float]
) -> None:
    """The variant and what it caches, above each row."""
    if rows:
        figure.add_scatter(
            x=[-0.6] * len(rows),
            y=[bases[name] + _height(attention) - TITLE / 2 for name, attention in rows.items()],
            name="titles",
            mode="text",
            text=[f"<b>{name}</b>  {describe_cache(rows[name])}" for name in rows],
            textposition="middle right",
            textfont={"size": 13},
            hoverinfo="skip",
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
