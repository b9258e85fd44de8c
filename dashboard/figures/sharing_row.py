"""Blocks, lines between them and trapezoids: the pieces of a row of `head_sharing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.figures.builder import FigureBuilder

ROW_HEIGHT = 96
QUERY_Y, KV_Y = 0.58, 0.1
QUERY_HALF, KV_HALF = 4 / ROW_HEIGHT, 7 / ROW_HEIGHT  # half a block's height, in rows
DIGITS = 3  # of a height in rows: more are invisible, and go to the browser a thousand times
MAX_BLOCKS = 64
FOOT = 1 / 160  # half of a trapezoid's lower side, of the width
FAINT = 0.42  # opacity of every second trapezoid, so that neighbours differ
PHONE = 230  # pixels that a phone leaves beside the names of the rows


class Block(NamedTuple):
    """One head: the middle of its block, half its height, and its hover text."""

    x: float
    y: float
    half: float
    hover: str


def block_width(n_heads: int) -> float:
    """Pixels of a block that leave a gap between neighbours on a phone."""
    return min(max(0.7 * PHONE / n_heads, 2), 10)


def add_blocks(figure: FigureBuilder, color: str, blocks: Sequence[Block], width: float) -> None:
    """Add blocks of this width in pixels, as one broken line."""
    figure.add_scatter(
        x=[x for block in blocks for x in (block.x, block.x, None)],
        y=[
            y
            for block in blocks
            for y in (
                round(block.y - block.half, DIGITS),
                round(block.y + block.half, DIGITS),
                None,
            )
        ],
        mode="lines",
        line={"color": color, "width": width},
        text=[text for block in blocks for text in (block.hover, block.hover, "")],
        hovertemplate="%{text}<extra></extra>",
    )


def add_query_heads(
    figure: FigureBuilder,
    color: str,
    ends: Sequence[tuple[float, float]],
    heights: tuple[float, float],
) -> None:
    """Add a line from each (upper, lower) end of the first height to one of the second."""
    figure.add_scatter(
        x=[x for upper, lower in ends for x in (upper, lower, None)],
        y=[*(round(height, DIGITS) for height in heights), None] * len(ends),
        mode="lines",
        line={"color": color, "width": 1},
        hoverinfo="skip",
    )


def add_trapezoids(
    figure: FigureBuilder,
    variant: str,
    color: str,
    readers: Sequence[range],
    heights: tuple[float, float],
    opacities: tuple[float, float] = (1.0, FAINT),
) -> None:
    """Add one trapezoid per K/V head, as wide at the top as the query heads that read it.

    Neighbours take turns in `opacities`.
    """
    n_heads, (upper, lower) = readers[-1][-1] + 1, heights
    for parity in (0, 1):
        xs: list[float | None] = []
        ys: list[float | None] = []
        for heads in readers[parity::2]:
            left, right, middle = heads[0] - 0.42, heads[-1] + 0.42, (heads[0] + heads[-1]) / 2
            foot = min(n_heads * FOOT, right - middle)
            xs += [left, right, middle + foot, middle - foot, left, None]
            ys += [upper, upper, lower, lower, upper, None]
        if xs:
            figure.add_scatter(
                x=xs,
                y=ys,
                name=f"{variant} query heads",
                mode="lines",
                fill="toself",
                fillcolor=color,
                line={"color": color, "width": 0},
                opacity=opacities[parity],
                hoverinfo="skip",
            )
