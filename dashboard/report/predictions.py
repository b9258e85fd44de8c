"""Errors of predicted against measured times.

Each row is predicted from the probes of its own run, independently of its measured times. Errors
are absolute, so that predictions that are too low do not cancel those that are too high.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dashboard.data.decode_rows import Row
from gqa_core import units


def median_error(rows: Sequence[Row], phase: str = "attend") -> float | None:
    """Median of the absolute relative errors of `phase`, attend or step; None without any."""
    errors = [abs(row[f"{phase}_error"]) for row in rows if row[f"{phase}_error"] is not None]
    return statistics.median(errors) if errors else None


def prediction_sentence(rows: Sequence[Row]) -> str:
    """Errors of predicted attend and step times over these rows, and at each context."""
    predicted = [row for row in rows if row["attend_error"] is not None]
    if not predicted:
        return (
            "No time is predicted: these rows were measured before the matmul rate and the cost of "
            "launching were probed. Run again."
        )
    by_context: dict[int, list[Row]] = {}
    for row in predicted:
        by_context.setdefault(row["context_len"], []).append(row)
    each = ", ".join(f"{_error(by_context[n], 'attend')} at {n}" for n in sorted(by_context))
    return (
        f"Predicted from the probes of their own run, the attend times of {len(predicted)} rows "
        f"are off by {_error(predicted, 'attend')} (median of the absolute errors; {each} tokens), "
        f"whole steps by {_error(predicted, 'step')}."
    )


def _error(rows: Sequence[Row], phase: str) -> str:
    error = median_error(rows, phase)
    return "an unknown error" if error is None else units.percent(error)
