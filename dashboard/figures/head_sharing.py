"""Who shares with whom: query heads above, what is cached for them below, a row a variant."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.figures.style import LOOKS, laid_out
from dashboard.variants import says
from gqa_core.configs import AttentionConfig, GroupedConfig

ROW_HEIGHT = 124
QUERY_Y, KV_Y, LABEL_Y = 0.58, 0.1, 0.85
FAINT = 0.42  # every second K/V head, so that neighbours are told apart


def head_sharing(rows: Mapping[str, AttentionConfig]) -> go.Figure:
    """One row a variant: circles are query heads, squares K/V heads, lines say who reads what."""
    figure = go.Figure()
    for index, (variant, attention) in enumerate(rows.items()):
        base = float(len(rows) - 1 - index)
        sharers = _sharers(attention)
        for parity in (0, 1):
            _add_half(figure, variant, base, sharers, parity)
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
    return laid_out(figure, height=ROW_HEIGHT * max(len(rows), 1)).update_layout(showlegend=False)


def _sharers(attention: AttentionConfig) -> list[range]:
    """The query heads behind each thing that is cached: K/V heads, or MLA's one latent."""
    per = attention.q_per_kv if isinstance(attention, GroupedConfig) else attention.n_heads
    return [range(start, start + per) for start in range(0, attention.n_heads, per)]


def _add_half(
    figure: go.Figure, variant: str, base: float, sharers: list[range], parity: int
) -> None:
    """Every second K/V head of a row, with its queries and the lines between: three traces."""
    chosen = [(kv, heads) for kv, heads in enumerate(sharers) if kv % 2 == parity]
    if not chosen:
        return
    n_heads = sum(map(len, sharers))
    size = min(max(260 / n_heads, 3), 14)
    look = {"color": LOOKS[variant].color, "opacity": FAINT if parity else 1.0}
    middle = {kv: (heads[0] + heads[-1]) / 2 for kv, heads in chosen}
    name = "latent" if variant == "MLA" else "K/V head"
    lines_x, lines_y = [], []
    for kv, heads in chosen:
        for head in heads:
            lines_x += [head, middle[kv], None]
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
        marker={"size": size, "symbol": "circle", **look},
        text=[f"query head {head} reads {name} {kv}" for kv, heads in chosen for head in heads],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )
    figure.add_scatter(
        x=list(middle.values()),
        y=[base + KV_Y] * len(chosen),
        mode="markers",
        marker={"size": min(size + 3, max(260 / len(sharers), 3)), "symbol": "square", **look},
        text=[f"{name} {kv}, read by {len(heads)} query heads" for kv, heads in chosen],
        hovertemplate=f"{variant}: %{{text}}<extra></extra>",
    )
