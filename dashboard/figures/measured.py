"""Measured points on any chart: hover texts with the interval, and faint unusable samples."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from dashboard.figures.style import FAINT
from gqa_core import units


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
