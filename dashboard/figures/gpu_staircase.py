"""Caches as steps of a staircase, each in as many GPUs as it needs: boxes of equal memory."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.data.gpu_staircase import GpuStaircase, Stair
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import GRID, NEUTRAL, NO_LINE, VARIANT_STYLES, finish
from gqa_core import units

HEIGHT = 400
HALF = 0.3  # of a box's width, in columns
GAP = 0.06  # between two boxes, in GPUs


def gpu_staircase_figure(staircase: GpuStaircase) -> go.Figure:
    """One column per variant: a box per GPU, filled as far as the cache fills its memory."""
    figure = FigureBuilder()
    boxes = [
        (column, gpu, stair)
        for column, stair in enumerate(staircase.stairs)
        for gpu in range(stair.n_gpus)
    ]
    figure.add_bar(
        x=[column for column, _, _ in boxes],
        y=[_filled(staircase, stair, gpu) * (1 - GAP) for _, gpu, stair in boxes],
        base=[gpu for _, gpu, _ in boxes],
        width=2 * HALF,
        name="cache",
        marker={
            "color": [VARIANT_STYLES[stair.variant].color for *_, stair in boxes],
            "line": NO_LINE,
        },
        hovertext=[_hover(staircase, stair) for *_, stair in boxes],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        x=[
            None if side is None else column + side * HALF
            for column, *_ in boxes
            for side in (-1, 1, 1, -1, -1, None)
        ],
        y=[y for _, gpu, _ in boxes for y in (gpu, gpu, gpu + 1 - GAP, gpu + 1 - GAP, gpu, None)],
        name=staircase.gpu,
        mode="lines",
        line={"color": NEUTRAL, "width": 1.5},
        hoverinfo="skip",
    )
    _add_sizes(figure, staircase)
    figure.update_xaxes(
        tickvals=list(range(len(staircase.stairs))),
        ticktext=[_tick(stair) for stair in staircase.stairs],
        tickangle=0,
        tickfont={"size": 13},
        range=[-0.5, len(staircase.stairs) - 0.5],
        zeroline=False,
        fixedrange=True,
    )
    most = max(stair.n_gpus for stair in staircase.stairs)
    figure.update_yaxes(
        range=[0, most + 0.9],
        tickvals=list(range(most + 1)),
        ticktext=[units.gigabytes_label(gpu * staircase.memory_bytes) for gpu in range(most + 1)],
        title={"text": f"each box: one {staircase.gpu}", "standoff": 8},
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    return finish(
        figure, HEIGHT, barmode="overlay", showlegend=False, margin={"l": 72, "t": 4, "b": 48}
    )


def _filled(staircase: GpuStaircase, stair: Stair, gpu: int) -> float:
    """The part of one GPU's memory that the cache fills, from 0 to 1."""
    return min(max(stair.cache_bytes / staircase.memory_bytes - gpu, 0.0), 1.0)


def _add_sizes(figure: FigureBuilder, staircase: GpuStaircase) -> None:
    figure.add_scatter(
        x=list(range(len(staircase.stairs))),
        y=[stair.n_gpus for stair in staircase.stairs],
        mode="text",
        name="sizes",
        text=[_size(stair) for stair in staircase.stairs],
        textposition="top center",
        textfont={"size": 13},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _size(stair: Stair) -> str:
    gigabytes = stair.cache_bytes / units.GB
    return f"<b>{gigabytes:.3g} GB</b><br>{units.count(stair.n_gpus, 'GPU')}"


def _tick(stair: Stair) -> str:
    if stair.reduction == 1:
        return f"<b>{stair.variant}</b>"
    return f"<b>{stair.variant}</b><br>{units.times(stair.reduction)} less"


def _hover(staircase: GpuStaircase, stair: Stair) -> str:
    gpus = stair.cache_bytes / staircase.memory_bytes
    return (
        f"{stair.variant}: {units.binary_and_decimal(stair.cache_bytes)}<br>"
        f"{units.times(gpus)} the memory of one {staircase.gpu}"
    )
