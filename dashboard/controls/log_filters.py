"""Widgets that filter the records of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.shell.links import show_link_row
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import MultiSelect, Toggle

FIELDS = ("variant", "context", "device", "dtype", "evidence", "kind", "date", "run")
N_IN_SIGHT = 3  # filters; the others are folded
SAMPLES = Toggle(
    key="with_samples",
    label="With the sample run",
    help="Records that ship with the program, measured elsewhere; they are no part of the log.",
)
DECODE_ONLY = "Filters decode steps only: records of other kinds do not have it."


def sample_control(*, is_empty: bool, has_samples: bool) -> bool:
    """True to show the sample runs too: always where the log `is_empty`, else by a switch."""
    if not has_samples or is_empty:
        return has_samples
    with st.sidebar:
        return SAMPLES.show()


def filter_controls(
    decode_rows: Sequence[Row], other_rows: Sequence[Row]
) -> tuple[list[Row], list[Row]]:
    """The decode rows and the other rows that pass the filters; an empty filter passes all.

    Fields that only decode records have filter the decode rows alone.
    """
    wanted = {}
    with st.sidebar:
        above, in_sight = st.container(), st.container()
        more = st.expander("More filters")
        for index, field in enumerate(FIELDS):
            with in_sight if index < N_IN_SIGHT else more:
                wanted[field] = _show_filter(field, decode_rows, other_rows)
        with above:
            show_link_row(current_settings())
    shared = {field: wanted[field] for field in FIELDS if field not in selection.DECODE_ONLY_FIELDS}
    return selection.filtered(decode_rows, wanted), selection.filtered(other_rows, shared)


def _show_filter(field: str, decode_rows: Sequence[Row], other_rows: Sequence[Row]) -> list[Any]:
    """Draw the filter of a field and return the wanted values."""
    is_decode_only = field in selection.DECODE_ONLY_FIELDS
    rows = decode_rows if is_decode_only else (*decode_rows, *other_rows)
    return MultiSelect(
        key=f"only_{field}",
        label=field.capitalize() + (" (UTC)" if field == "date" else ""),
        options=selection.options(rows, field),
        placeholder="all",
        help=DECODE_ONLY if is_decode_only else None,
    ).show()
