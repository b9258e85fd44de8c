"""Heads on GPUs: the query heads and the cache of each, and copies that another GPU has too.

One row per GPU: above its query heads, below what it caches, both in the colour of the K/V head. A
hatched cell is a copy: the same bytes are on an earlier GPU already.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.cached_parts import describe_heads
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.colors import pale
from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.style import DARK, NEUTRAL, SMALL, finish
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.theory.sharding import GpuShard, gpu_shards

MAX_LABELS = 8  # numbers side by side on a phone
LANE = 0.42  # of a row: query heads above, K/V heads below
GAP = 0.002  # of the width, between cells
FEW, ROW = 8, (42, 24)  # GPUs, and pixels per row for so many at most and for more


def heads_on_gpus(attention: AttentionConfig, tp: int) -> go.Figure:
    """One layer's heads on `tp` GPUs, one row per GPU.

    Raises:
        ValueError: as `gqa_core.theory.sharding.shard`.
    """
    shares = gpu_shards(attention, tp)
    figure = FigureBuilder()
    _add_queries(figure, attention, shares)
    for is_copy in (False, True):
        selected = [share for share in shares if share.is_copy == is_copy]
        if selected:
            _add_cached(figure, attention, selected, is_copy)
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    figure.update_yaxes(
        tickvals=[-share.gpu for share in shares],
        ticktext=[f"GPU {share.gpu}" for share in shares],
        range=[0.6 - tp, 0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    height = ROW[tp > FEW] * tp + 64
    return finish(
        figure,
        height,
        barmode="overlay",
        bargap=0,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        margin={"l": 52},
    )


def _add_queries(
    figure: FigureBuilder, attention: AttentionConfig, shares: Sequence[GpuShard]
) -> None:
    cells = [(share, slot, head) for share in shares for slot, head in enumerate(share.query_heads)]
    width = 1 / len(shares[0].query_heads)
    q_per_kv = attention.q_per_kv if isinstance(attention, GroupedConfig) else None
    read = [None if q_per_kv is None else head // q_per_kv for _, _, head in cells]
    figure.add_bar(
        name="query heads",
        orientation="h",
        y=[LANE / 2 - share.gpu for share, _, _ in cells],
        base=[slot * width for _, slot, _ in cells],
        x=[width - GAP] * len(cells),
        width=LANE - 0.06,
        marker={
            "color": [pale(NEUTRAL if kv is None else kv_head_color(kv)[0]) for kv in read],
            "line": {"width": 0},
        },
        text=_labels([head for _, _, head in cells], len(shares[0].query_heads)),
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="none",
        textfont={"color": DARK, "size": SMALL},
        hovertext=[
            f"GPU {share.gpu}: query head {head}<br>"
            + ("reads the latent" if kv is None else f"reads K/V head {kv}")
            for (share, _, head), kv in zip(cells, read, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_cached(
    figure: FigureBuilder, attention: AttentionConfig, shares: Sequence[GpuShard], is_copy: bool
) -> None:
    grouped = isinstance(attention, GroupedConfig)
    cells = [
        (share, slot, kv) for share in shares for slot, kv in enumerate(share.kv_heads or [None])
    ]
    count = len(shares[0].kv_heads) or 1
    what = "K/V head" if grouped else "latent and RoPE key"
    figure.add_bar(
        name=f"{what}, a copy" if is_copy else f"{what}, cached",
        orientation="h",
        y=[-LANE / 2 - share.gpu for share, _, _ in cells],
        base=[slot / count for _, slot, _ in cells],
        x=[1 / count - GAP] * len(cells),
        width=LANE - 0.06,
        marker={
            "color": [kv_head_color(kv or 0)[0] for _, _, kv in cells],
            "line": {"width": 0},
            "pattern": {
                "shape": "/" if is_copy else "",
                "fillmode": "overlay",
                "fgcolor": "#FFFFFF",
                "fgopacity": 0.7,
                "size": 9,
                "solidity": 0.25,
            },
        },
        hovertext=[
            f"GPU {share.gpu}: {what if kv is None else f'{what} {kv}'}"
            f"{', on an earlier GPU too' if is_copy else ''}<br>"
            f"read here by {describe_heads(_readers(attention, share, kv))}"
            for share, _, kv in cells
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    _add_cached_numbers(figure, shares)


def _add_cached_numbers(figure: FigureBuilder, shares: Sequence[GpuShard]) -> None:
    """The numbers of K/V heads, each on a plain background, clear of the hatching."""
    count = len(shares[0].kv_heads) or 1
    for share in shares:
        heads = share.kv_heads or range(1)
        numbers = [str(head) for head in share.kv_heads] or ["all of the latent"]
        for slot, label in enumerate(_labels(numbers, count)):
            if label:
                fill, text_color = kv_head_color(heads[slot])
                figure.add_annotation(
                    x=(slot + 0.5) / count,
                    y=-LANE / 2 - share.gpu,
                    text=label,
                    showarrow=False,
                    bgcolor=fill,
                    borderpad=1,
                    font={"color": text_color, "size": SMALL},
                )


def _labels(numbers: Sequence[object], side_by_side: int) -> list[str]:
    """The numbers as text, none if too many lie side by side."""
    return [str(number) if side_by_side <= MAX_LABELS else "" for number in numbers]


def _readers(attention: AttentionConfig, share: GpuShard, kv: int | None) -> range:
    """The query heads on this GPU that read one of its K/V heads, or its latent."""
    if kv is None or not isinstance(attention, GroupedConfig):
        return share.query_heads
    q_per_kv = attention.q_per_kv
    first, last = share.query_heads[0], share.query_heads[-1]
    return range(max(kv * q_per_kv, first), min((kv + 1) * q_per_kv, last + 1))
