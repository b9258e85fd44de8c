"""The phases of a step, stacked for each variant, at a few contexts."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import GRID, PATTERN, PHASE_STYLES, finish
from gqa_core import units
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds.decode import Phase


def phase_breakdown(rows: Sequence[DecodeRow]) -> go.Figure:
    """5th percentiles of the phases of each row in ms, in the order given, by context."""
    figure = FigureBuilder()
    places = [
        [f"{units.tokens(row.context_len)} tokens" for row in rows],
        [row.variant_name for row in rows],
    ]
    for phase, (color, pattern) in PHASE_STYLES.items():
        times = [_seconds(row, phase) for row in rows]
        figure.add_bar(
            x=places,
            y=[1e3 * seconds for seconds in times],
            name=phase,
            marker={"color": color, "pattern": PATTERN | {"shape": pattern}},
            text=[units.duration(seconds) for seconds in times],
            textposition="none",
            customdata=[f"{name}, {context}" for context, name in zip(*places, strict=True)],
            hovertemplate=f"%{{customdata}}: {phase} %{{text}}<extra></extra>",
        )
    figure.update_xaxes(fixedrange=True, tickangle=-90)
    title = {"text": "phases of a step (ms, 5th percentile, measured here)"}
    figure.update_yaxes(fixedrange=True, gridcolor=GRID, zeroline=False, title=title)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return finish(
        figure, height=460, barmode="stack", bargap=0.25, legend=legend | {"traceorder": "normal"}
    )


def _seconds(row: DecodeRow, phase: Phase) -> float:
    times = {
        "project": row.project,
        "append": row.append,
        "attend": row.attend,
        "output": row.output,
    }
    return times[phase].p5
