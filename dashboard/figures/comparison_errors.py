"""Relative errors of comparisons against their tolerances, one row per comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.builder import FigureBuilder
from dashboard.figures.measured import evidence_marker
from dashboard.figures.style import (
    FIGURE_PX,
    LABELLED_MARGIN,
    LEGEND_ABOVE,
    LEGEND_PX,
    NEUTRAL,
    VERDICT_STYLES,
    decades,
    finish,
    log_axis,
    whole_powers,
)
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.verify import Comparison

VERDICTS = {True: "within its tolerance", False: "beyond it: fails"}
EQUAL = "equal to the last bit"
ERRORS = (1e-9, 10.0)  # the axis always includes these
NAMES_PX = 150


def comparison_errors(
    records: Sequence[VerifyRecord],
    names: Mapping[Comparison, str],
    *,
    is_sample: bool = False,
    height: int = FIGURE_PX,
) -> go.Figure:
    """One marker per comparison on a log axis of relative L2 errors, and a tick at its tolerance.

    A comparison without any difference stands at the left edge. Markers are open where the records
    were measured elsewhere.
    """
    figure = FigureBuilder()
    errors = [record.relative_error for record in records if record.relative_error]
    low, high = whole_powers([*errors, *ERRORS], 10)
    rows = [names[record.comparison] for record in records]
    _add_tolerances(figure, records, rows)
    for passed in (True, False):
        shown = [pair for pair in zip(records, rows, strict=True) if pair[0].passed == passed]
        _add_errors(figure, shown, low, passed=passed, is_sample=is_sample)
    ticks = decades(low, high)
    labels = [f"{tick:.0e}".replace("e-0", "e-").replace("e+0", "e") for tick in ticks]
    axis = log_axis(low / 1.5, high, ticks[::2], labels[::2])
    figure.update_xaxes(axis | {"title": {"text": "relative L2 error"}, "showgrid": True})
    figure.update_yaxes(
        {"type": "category", "categoryarray": rows[::-1], "fixedrange": True, "showgrid": False}
    )
    margin = LABELLED_MARGIN | {"l": NAMES_PX, "t": LABELLED_MARGIN["t"] + LEGEND_PX}
    return finish(figure, height, margin=margin, legend=LEGEND_ABOVE, showlegend=True)


def _add_tolerances(
    figure: FigureBuilder, records: Sequence[VerifyRecord], rows: Sequence[str]
) -> None:
    figure.add_scatter(
        x=[record.tolerance for record in records],
        y=list(rows),
        name="tolerance",
        mode="markers",
        marker={
            "symbol": "line-ns-open",
            "size": 14,
            "color": NEUTRAL,
            "line": {"width": 2, "color": NEUTRAL},
        },
        text=[f"{record.tolerance:.1e}" for record in records],
        hovertemplate="%{y}: tolerance %{text}<extra></extra>",
    )


def _add_errors(
    figure: FigureBuilder,
    shown: Sequence[tuple[VerifyRecord, str]],
    low: float,
    *,
    passed: bool,
    is_sample: bool,
) -> None:
    if not shown:
        return
    style, is_open = VERDICT_STYLES[passed], is_sample and passed
    figure.add_scatter(
        x=[record.relative_error or low for record, _ in shown],
        y=[row for _, row in shown],
        name=VERDICTS[passed],
        mode="markers",
        marker=evidence_marker(style, MEASURED_ELSEWHERE if is_open else MEASURED_HERE, 11),
        text=[
            f"{record.relative_error:.1e}" if record.relative_error else EQUAL
            for record, _ in shown
        ],
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
