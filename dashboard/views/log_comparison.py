"""Two selections of the log on one chart, and the widgets that choose them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.figures.attend_compared import attend_compared
from dashboard.report.log_sentences import compared_sentence
from dashboard.shell import panels
from dashboard.views.compared_runs import Choice, ComparedRuns
from dashboard.views.shown_runs import ShownRuns

COMPARED = ("device", "date", "run")


@st.fragment
def show_comparison(shown: ShownRuns) -> None:
    """Draw two devices, dates or runs on one chart, with settings that both have.

    A fragment, because the tables around it do not depend on its widgets.
    """
    chart, widgets = st.container(), st.container()
    with widgets:
        by = st.segmented_control("Compare by", COMPARED, default="device", required=True, key="by")
        compared = ComparedRuns(shown, by)
        first, second, settings = _show_widgets(compared)
    selections = {
        key: compared.rows(choice, settings)
        for key, choice in (("A", first), ("B", second))
        if choice is not None and settings is not None
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


def _show_widgets(compared: ComparedRuns) -> tuple[Choice | None, Choice | None, str | None]:
    """The two selections, and the settings that both have."""
    choices, by = compared.choices(), compared.by
    with st.grid(3):
        first = _pick("A: large markers, left", [*choices], f"first_{by}")
        remaining = [name for name in choices if name != first]
        second = _pick("B: small markers, right", remaining, f"second_{by}") if remaining else None
        chosen = [choices[name] for name in (first, second) if name is not None]
        settings = _pick("Settings", compared.settings(chosen), "compared_settings")
    return (choices[first] if first else None, choices[second] if second else None, settings)


def _pick(label: str, options: Sequence[str], key: str) -> str | None:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return st.selectbox(label, options, key=key, disabled=not options, placeholder="no other")
