"""One optional guess: a question with a number as its answer, then the truth and the difference.

It is folded, and remembers nothing: the guess is no parameter of the link, and another question is
another widget.
"""

from __future__ import annotations

import streamlit as st

from dashboard.report.guesses import Guess, guess_result

GUESS = "guess"  # key of the popover


def show_guess(guess: Guess) -> None:
    """Draw the question in a popover; what is typed reruns nothing else of the page."""
    popover = st.popover(
        "Guess first: how many GB?",
        icon=":material/psychology_alt:",
        key=GUESS,
        on_change="rerun",
    )
    if popover.open:
        with popover:
            _show_question(guess)


@st.fragment
def _show_question(guess: Guess) -> None:
    st.markdown(guess.question)
    number = st.number_input(
        "Your guess (GB)",
        min_value=0.0,
        value=None,
        step=1.0,
        key=f"guess {guess.question}",
        placeholder="a number, then Enter",
    )
    if number is not None:
        st.markdown(guess_result(guess, number))
