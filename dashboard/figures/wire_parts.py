"""Bytes that a GPU sends for one layer and token, by collective: one bar per variant."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.several_gpus import GpuShare
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.colors import mixed
from dashboard.figures.stacked_bars import finish_stacked_bars
from dashboard.figures.style import GRID, PATTERN, VARIANT_STYLES
from gqa_core import units

COLLECTIVES = {  # name: how much of the variant's colour it has, and its hatching
    "all-reduce of the output": (1.0, ""),
    "gather of queries": (0.65, "/"),
    "gather of log-sum-exp": (0.65, "x"),
    "reduce-scatter of partial outputs": (0.35, ""),
}
BAR_PX = 34


def wire_parts(shares: Sequence[GpuShare]) -> go.Figure:
    """One stacked bar per variant, in kB per token; the sum stands at its end.

    The legend names the collectives that send something.
    """
    figure = FigureBuilder()
    totals = [share.wire_bytes_per_token for share in shares]
    most = max(totals) or 1000.0
    sent = {name for share in shares for name, size in collective_bytes(share).items() if size}
    for name, (fraction, pattern) in COLLECTIVES.items():
        if name not in sent:
            continue
        _add_collective(figure, shares, name, fraction, pattern)
        figure.add_bar(
            x=[None],
            y=[None],
            orientation="h",
            name=name,
            marker={"color": mixed("#444444", fraction), "pattern": PATTERN | {"shape": pattern}},
        )
    for index, total in enumerate(totals):
        figure.add_annotation(
            x=total / 1e3,
            y=index,
            xanchor="left",
            xshift=6,
            text=units.decimal(total),
            showarrow=False,
        )
    title = {"text": "sent per GPU, token and layer (kB, formula)"}
    figure.update_xaxes(
        range=[0, 1.2 * most / 1e3], fixedrange=True, gridcolor=GRID, zeroline=False, title=title
    )
    figure.update_xaxes(showgrid=True)
    names = [share.name for share in shares]
    return finish_stacked_bars(figure, names, bar_px=BAR_PX, left_px=76)


def _add_collective(
    figure: FigureBuilder, shares: Sequence[GpuShare], name: str, fraction: float, pattern: str
) -> None:
    sent = [collective_bytes(share)[name] / share.n_tokens_per_step for share in shares]
    figure.add_bar(
        orientation="h",
        y=[*range(len(shares))],
        x=[n_bytes / 1e3 for n_bytes in sent],
        width=0.7,
        name=name,
        showlegend=False,
        marker={
            "color": [
                mixed(VARIANT_STYLES[share.attention.variant].color, fraction) for share in shares
            ],
            "line": {"width": 0},
            "pattern": PATTERN | {"shape": pattern},
        },
        text=[units.decimal(n_bytes) for n_bytes in sent],
        textposition="none",
        customdata=[share.name for share in shares],
        hovertemplate=f"%{{customdata}}, {name}: %{{text}}<extra></extra>",
    )


def collective_bytes(share: GpuShare) -> dict[str, int]:
    """The bytes of a step by collective, in the order of COLLECTIVES."""
    wire = share.wire
    parts = (wire.all_reduce, wire.query_gather, wire.lse_gather, wire.output_scatter)
    return dict(zip(COLLECTIVES, parts, strict=True))
