"""The phases of a step as bars from left to right: a variant each, in shades of its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.data.decode_rows import row_label
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.colors import mixed
from dashboard.figures.style import GRID, LEGEND_ABOVE, NEUTRAL, PATTERN, VARIANT_STYLES, finish
from gqa_core import units
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds.decode import Phase

SHADES: Mapping[Phase, float] = {  # how much of the variant's colour a phase has
    "attend": 1.0,
    "project": 0.6,
    "output": 0.35,
    "append": 0.0,
}
BAR_PX, TOP_PX, BOTTOM_PX = 20, 44, 52
HEADING = 1.15  # bars' heights that the heading of a context takes


def phase_breakdown(rows: Sequence[DecodeRow]) -> go.Figure:
    """5th percentiles of the phases of each row in ms, in the order given, by context."""
    figure = FigureBuilder()
    places, end = _places(rows)
    for phase, share in SHADES.items():
        _add_phase(figure, rows, list(places), phase, share)
        _add_legend_entry(figure, phase, share)
    _add_headings(figure, rows, places)
    title = {"text": "phases of a step (ms, 5th percentile, measured)"}
    figure.update_xaxes(fixedrange=True, showgrid=True, gridcolor=GRID, zeroline=False, title=title)
    figure.update_yaxes(
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        range=[end, -0.2],
        tickvals=list(places),
        ticktext=[row.variant_name for row in rows],
    )
    return finish(
        figure,
        height=round(BAR_PX * end) + TOP_PX + BOTTOM_PX,
        barmode="stack",
        legend=LEGEND_ABOVE,
        margin={"l": 96, "r": 16, "t": TOP_PX, "b": BOTTOM_PX},
    )


def _places(rows: Sequence[DecodeRow]) -> tuple[list[float], float]:
    """The middle of each row's bar below a heading per context, and where the last bar ends."""
    places, place, context_len = [], 0.0, None
    for row in rows:
        place += HEADING if row.context_len != context_len else 0
        context_len = row.context_len
        places.append(place + 0.5)
        place += 1
    return places, place


def _add_phase(
    figure: FigureBuilder,
    rows: Sequence[DecodeRow],
    places: Sequence[float],
    phase: Phase,
    share: float,
) -> None:
    times = [_seconds(row, phase) for row in rows]
    figure.add_bar(
        orientation="h",
        y=list(places),
        x=[1e3 * seconds for seconds in times],
        width=0.8,
        name=phase,
        showlegend=False,
        marker={
            "color": [_color(row, share) for row in rows],
            "line": {"width": 0},
            "pattern": _pattern(share),
        },
        text=[units.duration(seconds) for seconds in times],
        textposition="none",
        customdata=[_describe(row) for row in rows],
        hovertemplate=f"{phase} %{{text}}<br>%{{customdata}}<extra></extra>",
    )


def _color(row: DecodeRow, share: float) -> str:
    return mixed(VARIANT_STYLES[row_label(row)].color, share) if share else NEUTRAL


def _add_legend_entry(figure: FigureBuilder, phase: Phase, share: float) -> None:
    """A phase's shade, of a grey that stands for every variant's colour."""
    color = mixed("#444444", share) if share else NEUTRAL
    marker = {"color": color, "pattern": _pattern(share)}
    figure.add_bar(x=[None], y=[None], orientation="h", name=phase, marker=marker)


def _pattern(share: float) -> dict:
    """Hatching for the phase that has a grey of its own, which a shade could be taken for."""
    return PATTERN | {"shape": "" if share else "x"}


def _add_headings(
    figure: FigureBuilder, rows: Sequence[DecodeRow], places: Sequence[float]
) -> None:
    """The context above its bars, once."""
    first = {row.context_len: place for row, place in reversed([*zip(rows, places, strict=True)])}
    for context_len, place in first.items():
        figure.add_annotation(
            text=f"<b>{units.tokens(context_len)} tokens</b>",
            x=0,
            xref="paper",
            xanchor="left",
            y=place - 0.5 - HEADING / 2,
            showarrow=False,
        )


def _describe(row: DecodeRow) -> str:
    """The whole row: its phases and their sum."""
    parts = ", ".join(f"{phase} {units.duration(_seconds(row, phase))}" for phase in SHADES)
    return f"{row.variant_name}, {units.tokens(row.context_len)} tokens: {parts}"


def _seconds(row: DecodeRow, phase: Phase) -> float:
    times = {
        "project": row.project,
        "append": row.append,
        "attend": row.attend,
        "output": row.output,
    }
    return times[phase].p5
