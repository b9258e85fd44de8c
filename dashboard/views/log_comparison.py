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
    """Draw two devices, dates or runs on one chart, with settings that both have.

    A fragment, because the tables around it do not depend on its widgets.
    """
    chart, widgets = st.container(), st.container()
    with widgets:
        by, first, second, settings = _show_widgets(rows)
    selections = {
        key: selection.selected(rows, by, name, settings or "")
        for key, name in (("A", first), ("B", second))
        if name is not None
    }
    if "B" in selections:
        sentence = compared_sentence(selections["A"], selections["B"])
    else:
        sentence = f"All decode steps shown are from one {by}: there is nothing to compare it with."
    evidence = dict.fromkeys(row.evidence for chosen in selections.values() for row in chosen)
    with chart:
        panels.show_figure(
            attend_compared(selections), "attend_compared", sentence, [*evidence], sentence
        )


def _show_widgets(rows: Sequence[Row]) -> tuple[str, str | None, str | None, str | None]:
    """The field to compare by, the two selections, and the settings that both have."""
    by = st.segmented_control("Compare by", COMPARED, default="device", required=True, key="by")
    names = selection.selections(rows, by)
    with st.grid(3):
        first = _pick("A: large markers, left", names, f"first_{by}")
        remaining = [name for name in names if name != first]
        second = _pick("B: small markers, right", remaining, f"second_{by}") if remaining else None
        chosen = [row for row in rows if selection.selection_name(row, by) in (first, second)]
        settings = _pick("Settings", _most_shared(chosen, by), "compared_settings")
    return by, first, second, settings


def _most_shared(rows: Sequence[Row], by: str) -> list[str]:
    """Settings of these rows, those with the most selections and then the most points first."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(selection.settings_name(row), []).append(row)
    return sorted(
        by_name,
        key=lambda name: (
            -len({selection.selection_name(row, by) for row in by_name[name]}),
            -len(by_name[name]),
            name,
        ),
    )


def _pick(label: str, options: Sequence[str], key: str) -> str | None:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return st.selectbox(label, options, key=key, disabled=not options, placeholder="no other")
