"""Two selections of the log on one chart, and the widgets that choose them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.figures.attend_compared import attend_compared
from dashboard.report.log_sentences import compared_sentence
from dashboard.shell import panels

COMPARED = ("device", "date", "run")


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
        says = compared_sentence(selections["A"], selections["B"])
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


def _pick(label: str, options: Sequence[str], key: str) -> str | None:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return st.selectbox(label, options, key=key, disabled=not options, placeholder="none other")
