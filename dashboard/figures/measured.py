"""Measured points on any chart: hover texts with the interval, and faint unusable samples."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from dashboard.figures.builder import FigureBuilder
from dashboard.figures.style import ELSEWHERE, FAINT, NEUTRAL, VariantStyle
from gqa_core import units
from gqa_core.records.header import MEASURED_ELSEWHERE


def evidence_marker(style: VariantStyle, evidence: str, size: float | Sequence[float]) -> dict:
    """A filled marker if it was measured here, an open one with a dot if elsewhere."""
    if evidence != MEASURED_ELSEWHERE:
        return style.marker(size)
    return style.marker(size) | {"symbol": style.symbol + ELSEWHERE, "line": {"width": 1.5}}


def add_evidence_legend(figure: FigureBuilder, rows: Sequence[Row], more: str = "") -> None:
    """One grey entry per kind of evidence; `more` says what else the markers show."""
    for evidence in dict.fromkeys(row.evidence for row in rows):
        figure.add_scatter(
            x=[None],
            y=[None],
            name=f"{evidence}{more}",
            mode="markers",
            marker=evidence_marker(VariantStyle(NEUTRAL, "solid", "circle"), evidence, 10),
        )


def opacities(rows: Sequence[Row]) -> dict:
    """The marker attribute that makes rows with unusable samples faint."""
    return {"opacity": [1 if row.is_usable else FAINT for row in rows]}


def describe_attend(row: Row) -> str:
    """The attend time with its interval, and whether the samples are unusable."""
    low, high = units.duration(row.attend.p5_low), units.duration(row.attend.p5_high)
    return f"{units.duration(row.attend.p5)} (95% CI {low} to {high}){describe_samples(row)}"


def describe_samples(row: Row) -> str:
    """Empty if the samples are usable."""
    return "" if row.is_usable else ", unusable samples"
