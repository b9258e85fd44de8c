"""Widgets that filter the records of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.shell import loaders, panels
from dashboard.shell.links import show_link_errors, validate_query_param
from dashboard.shell.state import keep
from gqa_core.records.run_log import RunLogError

FIELDS = ("variant", "context", "dtype", "evidence", "kind", "device", "date", "run")


def kept_rows() -> tuple[Sequence[Row], Sequence[Row]]:
    """The log's decode records and its others, as rows; a sentence where it cannot be read."""
    try:
        return loaders.logged_rows(), loaders.logged_others()
    except RunLogError as error:
        st.warning(panels.escape_markdown(f"The {error}."))
        return (), ()


def filter_controls(rows: Sequence[Row], others: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The decode rows and the others that fit; a filter without a choice lets all through.

    What only decode records have narrows them alone.
    """
    wanted = {}
    with st.container(border=True):
        with st.grid(4):
            for field in FIELDS:
                having = rows if field in selection.DECODE_ONLY_FIELDS else (*rows, *others)
                wanted[field] = _filter(field, selection.options(having, field))
        show_link_errors()
    shared = {
        field: values
        for field, values in wanted.items()
        if field not in selection.DECODE_ONLY_FIELDS
    }
    return selection.filtered(rows, wanted), selection.filtered(others, shared)


def _filter(field: str, options: Sequence[Any]) -> list[Any]:
    key = f"only_{field}"
    validate_query_param(key, options, [])
    if key in st.session_state:
        st.session_state[key] = [value for value in st.session_state[key] if value in options]
    label = field.capitalize() + (" (UTC)" if field == "date" else "")
    of_decode = "Narrows the decode steps alone: no other kind has it."
    note = of_decode if field in selection.DECODE_ONLY_FIELDS else None
    chosen = st.multiselect(
        label, options, key=key, placeholder="all", help=note, bind="query-params"
    )
    return keep(key, chosen)
