"""The row of MLA in `head_sharing`: query heads, their own hollow K and V, and the filled latent.

Only the latent and the RoPE key are cached. The K and V of each head are computed from them; more
heads than blocks can show are one hollow frame.
"""

from __future__ import annotations

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.sharing_row import (
    FAINT,
    KV_HALF,
    KV_Y,
    MAX_BLOCKS,
    QUERY_HALF,
    QUERY_Y,
    ROW_HEIGHT,
    Block,
    add_blocks,
    add_query_heads,
    add_trapezoids,
    block_width,
)
from dashboard.figures.style import VARIANT_STYLES
from dashboard.settings.variants import describe_latent
from gqa_core.configs import LatentConfig

LATENT_HEIGHT = 1.45  # of the row, beside 1 of the others
LIFT = LATENT_HEIGHT - 1
OWN_Y = 0.62
OWN_HALF = 5 / ROW_HEIGHT  # half the height of a hollow K and V, in rows
CACHED_PART = 0.3  # of the width, that the latent and the RoPE key take
COLOR = VARIANT_STYLES["MLA"].color


def add_latent(figure: FigureBuilder, attention: LatentConfig, base: float) -> None:
    """Add the row that stands on `base`."""
    n_heads, middle = attention.n_heads, (attention.n_heads - 1) / 2
    queries_y, own_y, cached_y = base + QUERY_Y + LIFT, base + OWN_Y, base + KV_Y
    if n_heads > MAX_BLOCKS:
        everyone = [range(n_heads)]
        frame = [(-0.42, n_heads - 0.58)]
        heights = (own_y - OWN_HALF, cached_y)
        add_trapezoids(figure, "MLA", COLOR, everyone, heights, (FAINT, FAINT))
        _add_solid(figure, -0.42, n_heads - 0.58, queries_y, f"{n_heads} query heads", QUERY_HALF)
    else:
        heads = range(n_heads)
        frame = [(head - 0.3, head + 0.3) for head in heads]
        add_query_heads(
            figure, COLOR, [(head, middle) for head in heads], (own_y - OWN_HALF, cached_y)
        )
        ends = [(float(head), float(head)) for head in heads]
        add_query_heads(figure, COLOR, ends, (queries_y, own_y + OWN_HALF))
        hovers = [f"MLA: query head {head} reads a K and V of its own" for head in heads]
        blocks = [Block(head, queries_y, QUERY_HALF, hovers[head]) for head in heads]
        add_blocks(figure, COLOR, blocks, block_width(n_heads))
    _add_hollow(figure, frame, own_y)
    _add_cached(figure, attention, cached_y)


def _add_hollow(figure: FigureBuilder, frames: list[tuple[float, float]], y: float) -> None:
    """K and V of each head, in outline: computed from the latent and not cached."""
    low, high = y - OWN_HALF, y + OWN_HALF
    figure.add_scatter(
        x=[x for left, right in frames for x in (left, right, right, left, left, None)],
        y=[low, low, high, high, low, None] * len(frames),
        name="own K and V",
        mode="lines",
        line={"color": COLOR, "width": 1},
        text=["MLA: own K and V of each head<br>computed from the latent, not cached"]
        * (6 * len(frames)),
        hovertemplate="%{text}<extra></extra>",
    )


def _add_cached(figure: FigureBuilder, attention: LatentConfig, y: float) -> None:
    """The latent and the RoPE key, as wide as their elements."""
    width, middle = CACHED_PART * attention.n_heads, (attention.n_heads - 1) / 2
    key = attention.qk_rope_head_dim
    split = width * attention.kv_lora_rank / (attention.kv_lora_rank + key)
    start, gap = middle - width / 2, 0.01 * attention.n_heads
    hover = f"latent: a {describe_latent(attention)}, read by all {attention.n_heads} query heads"
    _add_solid(figure, start, start + split, y, hover, KV_HALF)
    if key:
        _add_solid(figure, start + split + gap, start + width + gap, y, "RoPE key", KV_HALF)


def _add_solid(
    figure: FigureBuilder, left: float, right: float, y: float, hover: str, half: float
) -> None:
    """A filled bar in the colour of MLA."""
    figure.add_scatter(
        x=[left, right],
        y=[y, y],
        mode="lines",
        line={"color": COLOR, "width": 2 * half * ROW_HEIGHT},
        text=[f"MLA: {hover}"] * 2,
        hovertemplate="%{text}<extra></extra>",
    )
