"""Comparisons of what must be equal, as a table and as an answer."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.report.columns import DIFFERENCE, TOLERANCE, Column, Table
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.verify import COMPARISONS

COLUMNS = (
    Column[VerifyRecord]("Comparison", lambda record: COMPARISONS[record.comparison]),
    Column[VerifyRecord]("Result", lambda record: "pass" if record.passed else "FAIL"),
    Column[VerifyRecord]("Largest difference", lambda record: record.max_difference, DIFFERENCE),
    Column[VerifyRecord]("Relative L2 error", lambda record: record.relative_error, DIFFERENCE),
    Column[VerifyRecord]("Tolerance", lambda record: record.tolerance, TOLERANCE),
)


def comparison_table(records: Sequence[VerifyRecord]) -> Table[VerifyRecord]:
    """One row per comparison: how far apart the two sides are, and how far they may be."""
    return Table(COLUMNS, records)


def comparisons_answer(records: Sequence[VerifyRecord], *, planted: bool) -> str:
    """The verdict on the comparisons (at least one), and the one nearest to failing."""
    failed = [record for record in records if not record.passed]
    worst = max(records, key=lambda record: record.relative_error / record.tolerance)
    nearest = (
        f"{COMPARISONS[worst.comparison]} takes most of its tolerance, {worst.relative_error:.1e} "
        f"of {worst.tolerance:.1e}"
    )
    if not failed:
        return f"It is the same attention: all {len(records)} comparisons pass; {nearest}."
    if planted:
        return (
            "Heads or scales in the wrong order are another attention: "
            f"{len(failed)} of {len(records)} comparisons fail; {nearest}."
        )
    return f"It is not the same: {len(failed)} of {len(records)} comparisons fail; {nearest}."
