"""The phases of a step, stacked for each variant, at a few contexts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import GRID, PATTERN, PHASE_STYLES, finish
from gqa_core import units
from gqa_core.theory.crossover import variant_name


def phase_breakdown(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Medians of the phases of each row in ms, in the order given; contexts side by side."""
    figure = FigureBuilder()
    places = [
        [f"{units.tokens(row['context_len'])} tokens" for row in rows],
        [variant_name(row) for row in rows],
    ]
    for phase, (color, pattern) in PHASE_STYLES.items():
        figure.add_bar(
            x=places,
            y=[1e3 * row[f"{phase}_s"] for row in rows],
            name=phase,
            marker={"color": color, "pattern": PATTERN | {"shape": pattern}},
            text=[units.duration(row[f"{phase}_s"]) for row in rows],
            textposition="none",
            customdata=[f"{name}, {context}" for context, name in zip(*places, strict=True)],
            hovertemplate=f"%{{customdata}}: {phase} %{{text}}<extra></extra>",
        )
    figure.update_xaxes(fixedrange=True, tickangle=-90)
    title = {"text": "phases of a step (ms, median, measured here)"}
    figure.update_yaxes(fixedrange=True, gridcolor=GRID, zeroline=False, title=title)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return finish(
        figure, height=460, barmode="stack", bargap=0.25, legend=legend | {"traceorder": "normal"}
    )
