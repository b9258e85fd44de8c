"""Published models by their ratio of sharing: one open bar per ratio, with its number."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.published_ratios import RatioCount
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import FONT, GRID, VARIANT_STYLES, finish

HEIGHT = 260
MAX_NAMES = 12  # in a hover
ROOM = 1.15  # of the axis over its largest number, for the number on a bar


def published_ratios_figure(counts: Sequence[RatioCount]) -> go.Figure:
    """Bars of published models: MHA, GQA by query heads per K/V head, MQA and MLA."""
    figure = FigureBuilder()
    numbers = [len(count.names) for count in counts]
    figure.add_bar(
        x=list(range(len(counts))),
        y=numbers,
        marker={
            "color": "rgba(0, 0, 0, 0)",
            "line": {
                "width": 1.5,
                "color": [VARIANT_STYLES[count.variant].color for count in counts],
            },
        },
        text=[str(number) for number in numbers],
        textposition="outside",
        outsidetextfont=FONT,
        cliponaxis=False,
        hovertext=[_hover(count) for count in counts],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_xaxes(
        tickvals=list(range(len(counts))),
        ticktext=[count.label for count in counts],
        tickangle=0,
        title={"text": "query heads per K/V head"},
        fixedrange=True,
    )
    figure.update_yaxes(
        range=[0, ROOM * max(numbers, default=1)],
        title={"text": "published models"},
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    margin = {"l": 56, "r": 8, "t": 16, "b": 56, "pad": 4}
    return finish(figure, height=HEIGHT, showlegend=False, bargap=0.25, margin=margin)


def _hover(count: RatioCount) -> str:
    names = [*count.names[:MAX_NAMES], *(["..."] if len(count.names) > MAX_NAMES else [])]
    return "<br>".join([f"<b>{count.label}: {len(count.names)}</b>", *names])
