"""Widgets of the page of runs: what is shown of the log, and which two selections are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.figures.attend_compared import attend_compared
from dashboard.shell import loaders, panels
from dashboard.shell.links import show_link_errors, validate_query_param
from dashboard.shell.state import keep
from gqa_core.records.run_log import RunLogError

FIELDS = ("variant", "context", "dtype", "evidence", "kind", "device", "date", "run")
COMPARED = ("device", "date", "run")


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


@st.fragment
def show_comparison(rows: Sequence[Row]) -> None:
    """Two devices, dates or runs on one chart, with the settings that both have.

    By itself: the tables around it do not follow what is chosen here.
    """
    by = st.segmented_control("Compare by", COMPARED, default="device", required=True, key="by")
    names = selection.selections(rows, by)
    with st.grid(2):
        first = _pick("A: large markers, left", names, f"first_{by}")
        others = [name for name in names if name != first]
        second = _pick("B: small markers, right", others, f"second_{by}")
    chosen = [row for row in rows if selection.selection_name(row, by) in (first, second)]
    settings = _pick("Settings", _most_shared(chosen, by), "compared_settings")
    selections = {"A": selection.selected(rows, by, first, settings)}
    if second is not None:
        selections["B"] = selection.selected(rows, by, second, settings)
        says = selection.compared_sentence(selections["A"], selections["B"])
    else:
        says = f"The records shown are of one {by} alone: there is nothing to compare it with."
    panels.show_figure(attend_compared(selections), "attend_compared", says)
    st.caption(f"{says} Filled markers were measured here, open ones with a dot elsewhere.")


def _most_shared(rows: Sequence[Row], by: str) -> list[str]:
    """Settings of these rows, those that most selections have and most points come first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(selection.settings_name(row), []).append(row)
    return sorted(
        found,
        key=lambda name: (
            -len({selection.selection_name(row, by) for row in found[name]}),
            -len(found[name]),
            name,
        ),
    )


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


def _pick(label: str, options: Sequence[str], key: str) -> str | None:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return st.selectbox(label, options, key=key, disabled=not options, placeholder="none other")
