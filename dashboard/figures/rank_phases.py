"""The phases of a step that several ranks share, as bars from left to right: a variant each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.rank_rows import PHASES, phase_times, row_name
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.colors import mixed
from dashboard.figures.phase_breakdown import SHADES
from dashboard.figures.stacked_bars import finish_stacked_bars
from dashboard.figures.style import (
    EXCHANGES,
    GRID,
    NEUTRAL,
    PATTERN,
    VARIANT_STYLES,
)
from gqa_core import units
from gqa_core.records.kinds import ShardedRecord

SHARE_OF_COLOR = {str(phase): share for phase, share in SHADES.items()}
BAR_PX = 32


def rank_phases(records: Sequence[ShardedRecord]) -> go.Figure:
    """5th percentiles of the phases in ms, one bar per record in the order given."""
    figure = FigureBuilder()
    times = [phase_times(record) for record in records]
    for phase in PHASES:
        _add_phase(figure, records, times, phase)
    figure.update_xaxes(
        fixedrange=True,
        showgrid=True,
        gridcolor=GRID,
        zeroline=False,
        title={"text": "step by phase (ms, 5th percentile, measured)"},
    )
    names = [row_name(record) for record in records]
    return finish_stacked_bars(figure, names, bar_px=BAR_PX, left_px=84)


def _add_phase(
    figure: FigureBuilder,
    records: Sequence[ShardedRecord],
    times: Sequence[Mapping[str, float]],
    phase: str,
) -> None:
    pattern = PATTERN | {"shape": _shape(phase)}
    seconds = [step[phase] for step in times]
    figure.add_bar(
        orientation="h",
        y=[*range(len(records))],
        x=[1e3 * value for value in seconds],
        width=0.75,
        name=phase,
        showlegend=False,
        marker={
            "color": [_color(VARIANT_STYLES[record.variant].color, phase) for record in records],
            "line": {"width": 0},
            "pattern": pattern,
        },
        text=[units.duration(value) for value in seconds],
        textposition="none",
        customdata=[row_name(record) for record in records],
        hovertemplate=f"%{{customdata}}, {phase}: %{{text}}<extra></extra>",
    )
    marker = {"color": _color("#444444", phase), "pattern": pattern}
    figure.add_bar(x=[None], y=[None], orientation="h", name=phase, marker=marker)


def _color(variant_color: str, phase: str) -> str:
    """A shade of the variant's colour, or a colour of its own where ranks exchange."""
    if phase in EXCHANGES:
        return EXCHANGES[phase][0]
    fraction = SHARE_OF_COLOR[phase]
    return mixed(variant_color, fraction) if fraction else NEUTRAL


def _shape(phase: str) -> str:
    """The hatching of exchanges, and of the phase whose grey could be taken for a shade."""
    if phase in EXCHANGES:
        return EXCHANGES[phase][1]
    return "" if SHARE_OF_COLOR[phase] else "x"
