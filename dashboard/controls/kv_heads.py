"""The K/V heads slider beside a typed number of query heads, which they must divide.

The number that was chosen stays the choice: while it does not divide the query heads, the nearest
divisor is used and named, and it comes back with the next number that it divides.
"""

from __future__ import annotations

import streamlit as st

from dashboard.settings.layouts import USUAL_KV_HEADS
from dashboard.shell.links import set_default, validate_query_param
from dashboard.shell.widgets import Slider
from gqa_core.records.specs.training import divisors

KEY = "n_kv_heads"
CHOSEN, USED = "chosen_kv_heads", "used_kv_heads"  # the choice, and what the slider was set to
MAX_DIGITS = 9  # of a link's number that are read


def kv_heads_control(n_heads: int) -> int:
    """The K/V heads that are used with so many query heads."""
    set_default(CHOSEN, USUAL_KV_HEADS)  # Reset moves both sliders
    _replace_link_number(n_heads)
    options = sorted(divisors(n_heads))
    chosen = _chosen()
    nearest = nearest_divisor(n_heads, chosen)
    if KEY in st.session_state:
        st.session_state[KEY] = nearest
    used = Slider(
        key=KEY,
        label="K/V heads",
        options=options,
        default=nearest_divisor(n_heads, USUAL_KV_HEADS),
        reset_value=USUAL_KV_HEADS,
        help="G groups in the lecture: 1 is MQA, as many as query heads is MHA. Offered are the "
        "numbers that divide the query heads.",
    ).show()
    st.session_state[USED] = used
    st.session_state[CHOSEN] = chosen if used == nearest else used
    if st.session_state[CHOSEN] != used:
        st.info(f"{chosen} K/V heads do not divide {n_heads} query heads: {used} used.")
    return used


def _replace_link_number(n_heads: int) -> None:
    """Use the nearest divisor in place of a link's number that does not divide the query heads."""
    number = _number_in_link()
    if KEY in st.session_state or number is None or n_heads % number == 0:
        return
    nearest = nearest_divisor(n_heads, number)
    validate_query_param(
        KEY, "one of its options", lambda values: False, nearest, replacement=str(nearest)
    )


def _number_in_link() -> int | None:
    """The link's whole number from 1 on; None if it gives none, several, or something else."""
    match st.query_params.get_all(KEY):
        case [text] if text.isascii() and text.isdecimal():
            return int(text[:MAX_DIGITS]) or None
    return None


def nearest_divisor(n_heads: int, n_kv_heads: int) -> int:
    """The divisor of n_heads that is nearest to n_kv_heads, of two the smaller."""
    return min(sorted(divisors(n_heads)), key=lambda count: abs(count - n_kv_heads))


def forget_choice() -> None:
    """Take the slider's next number as the choice; call it where a model sets the slider."""
    st.session_state.pop(USED, None)


def _chosen() -> int:
    """The number that the slider, a model or a link set last; not what a divisor replaced it by."""
    current = st.session_state.get(KEY)
    if current is None and (number := _number_in_link()):
        return number
    if current is not None and current != st.session_state.get(USED):
        return int(current)
    return int(st.session_state.get(CHOSEN, USUAL_KV_HEADS))
