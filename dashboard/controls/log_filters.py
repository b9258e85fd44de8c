"""Widgets that filter the records of the log."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.shell.links import show_link_row
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import MultiSelect

FIELDS = ("variant", "context", "dtype", "evidence", "kind", "device", "date", "run")
DECODE_ONLY = "Filters decode steps only: records of other kinds do not have it."


def filter_controls(
    decode_rows: Sequence[Row], other_rows: Sequence[Row]
) -> tuple[list[Row], list[Row]]:
    """The decode rows and the other rows that pass the filters; an empty filter passes all.

    Fields that only decode records have filter the decode rows alone.
    """
    wanted = {}
    with st.sidebar:
        above = st.container()
        for field in FIELDS:
            is_decode_only = field in selection.DECODE_ONLY_FIELDS
            rows = decode_rows if is_decode_only else (*decode_rows, *other_rows)
            wanted[field] = MultiSelect(
                key=f"only_{field}",
                label=field.capitalize() + (" (UTC)" if field == "date" else ""),
                options=selection.options(rows, field),
                placeholder="all",
                help=DECODE_ONLY if is_decode_only else None,
            ).show()
        with above:
            show_link_row(current_settings())
    shared = {field: wanted[field] for field in FIELDS if field not in selection.DECODE_ONLY_FIELDS}
    return selection.filtered(decode_rows, wanted), selection.filtered(other_rows, shared)
