"""Score cells step by step: a row per step with a cache, the whole triangle again without.

Frames run in the browser. Full cells are computed in this step; pale ones were, and are not again.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.data.generation import MODE_NAMES
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.player import CONTROLS, add_player
from dashboard.figures.style import FIGURE_PX, MODE_STYLES, finish, translucent
from gqa_core import units
from gqa_core.records.specs.generate import MODES, Mode
from gqa_core.theory.score_cells import step_cells, total_cells

STEPS = 12
COUNTERS = 66  # pixels above the triangles
GAP = 2  # cells between the triangles
FRAME_MS = 700
EARLIER, NOW = 0, 1
Cells = list[list[int | None]]


def score_cells_figure() -> go.Figure:
    """Two triangles of STEPS tokens; the first picture is the last step."""
    figure = FigureBuilder()
    for index, mode in enumerate(MODES):
        _add_triangle(figure, mode, _left(index))
    figure.add_scatter(
        x=[_left(index) + 0.5 for index in range(len(MODES))],
        y=[0.3] * len(MODES),
        name="counters",
        mode="text",
        text=_counters(STEPS),
        textposition="top right",
        textfont={"size": 13},
        hoverinfo="skip",
        cliponaxis=False,
    )
    for step in range(1, STEPS + 1):
        triangles = {index: {"z": _cells(mode, step)} for index, mode in enumerate(MODES)}
        figure.add_frame(str(step - 1), {**triangles, len(MODES): {"text": _counters(step)}})
    add_player(
        figure,
        [str(step) for step in _steps()],
        prefix="token ",
        frame_ms=FRAME_MS,
        below=6,
        redraw=True,
    )
    right = _left(len(MODES)) - GAP
    figure.update_xaxes(visible=False, range=[0.5, right + 0.5], fixedrange=True)
    figure.update_yaxes(visible=False, range=[STEPS + 0.5, 0.3], fixedrange=True)
    return finish(
        figure,
        FIGURE_PX,
        showlegend=False,
        margin={"l": 8, "r": 8, "t": COUNTERS, "b": CONTROLS + 6},
    )


def _steps() -> Sequence[int]:
    return range(1, STEPS + 1)


def _left(index: int) -> int:
    """The column left of a triangle."""
    return index * (STEPS + GAP)


def _add_triangle(figure: FigureBuilder, mode: Mode, left: int) -> None:
    color = MODE_STYLES[mode, "attention"].color
    figure.add_heatmap(
        x=[left + column for column in _steps()],
        y=list(_steps()),
        z=_cells(mode, STEPS),
        name=MODE_NAMES[mode],
        colorscale=[(0, translucent(color)), (1, color)],
        zmin=EARLIER,
        zmax=NOW,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate="query of token %{y}<extra></extra>",
    )


def _cells(mode: Mode, step: int) -> Cells:
    """A row per query and a column per key: computed in this step, earlier, or not at all."""
    first_now = step if mode == "cached" else 1
    return [
        [
            (NOW if query >= first_now else EARLIER) if key <= query <= step else None
            for key in _steps()
        ]
        for query in _steps()
    ]


def _counters(step: int) -> list[str]:
    """The name of each mode, its cells of this step, and those of all steps so far."""
    return [
        f"<b>{MODE_NAMES[mode]}</b><br>"
        f"this step: {units.count(step_cells(step, cached=mode == 'cached'), 'cell')}<br>"
        f"so far: {total_cells(step, cached=mode == 'cached'):,}"
        for mode in MODES
    ]
