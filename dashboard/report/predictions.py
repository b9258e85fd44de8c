"""How far what was predicted is from what was measured, in words; no streamlit.

A prediction is made for each row from the probes of its own run, before its attend time is looked
at. Rows of an older log have no such probes, and are left out. Errors are absolute: those that are
too low do not cancel those that are too high.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from gqa_core import units


def median_error(rows: Sequence[Row], phase: str = "attend") -> float | None:
    """Median of the absolute errors, relative to what was measured; None where none is predicted.

    `phase` is attend or step.
    """
    errors = [abs(row[f"{phase}_error"]) for row in rows if row[f"{phase}_error"] is not None]
    return statistics.median(errors) if errors else None


def prediction_sentence(rows: Sequence[Row]) -> str:
    """How well attend and step were predicted over these rows, and at each context."""
    told = [row for row in rows if row["attend_error"] is not None]
    if not told:
        return (
            "No time is predicted: these rows were measured before the matmul rate and the cost of "
            "launching were probed. Run again."
        )
    attend, step = (units.percent(median_error(told, phase)) for phase in ("attend", "step"))
    contexts = sorted({row["context_len"] for row in told})
    each = ", ".join(
        f"{units.percent(median_error([row for row in told if row['context_len'] == n]))} at {n}"
        for n in contexts
    )
    return (
        f"Predicted from the probes of their own run, the attend times of {len(told)} rows are off "
        f"by {attend} (median of the absolute errors; {each} tokens), whole steps by {step}."
    )
