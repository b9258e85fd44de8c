"""Errors of predicted against measured times.

Each row is predicted from the probes of its own run, independently of its measured times. Errors
are absolute, so that predictions that are too low do not cancel those that are too high.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from gqa_core import units
from gqa_core.records.decode_row import DecodeRow


def prediction_sentence(rows: Sequence[DecodeRow]) -> str:
    """Median errors of predicted attend and step times over these rows, and at each context.

    Empty without rows.
    """
    if not rows:
        return ""
    by_context: dict[int, list[float]] = {}
    for row in rows:
        by_context.setdefault(row.context_len, []).append(row.attend_error)
    each = ", ".join(f"{median_error(by_context[n])} at {n}" for n in sorted(by_context))
    return (
        f"Predicted from the probes of their own run, the attend times of {len(rows)} rows are off "
        f"by {median_error([row.attend_error for row in rows])} (median of the absolute errors; "
        f"{each} tokens), whole steps by {median_error([row.step_error for row in rows])}."
    )


def median_error(errors: Sequence[float]) -> str:
    """The median of the absolute errors, in percent."""
    return units.percent(statistics.median(map(abs, errors)))
