"""The K/V heads slider beside a typed number of query heads, which they must divide.

The number that was chosen stays the choice: while it does not divide the query heads, the nearest
divisor is used and named, and it comes back with the next number that it divides.
"""

from __future__ import annotations

import streamlit as st

from dashboard.settings.layouts import USUAL_KV_HEADS
from dashboard.shell.links import set_default
from dashboard.shell.widgets import Slider
from gqa_core.records.specs.training import divisors

KEY = "n_kv_heads"
CHOSEN, USED = "chosen_kv_heads", "used_kv_heads"  # the choice, and what the slider was set to


def kv_heads_control(n_heads: int) -> int:
    """The K/V heads that are used with so many query heads."""
    set_default(CHOSEN, USUAL_KV_HEADS)  # Reset moves both sliders
    options = sorted(divisors(n_heads))
    chosen = _chosen()
    nearest = nearest_divisor(n_heads, chosen)
    if KEY in st.session_state:
        st.session_state[KEY] = nearest
    used = Slider(
        key=KEY,
        label="K/V heads",
        options=options,
        default=_default(n_heads, nearest),
        reset_value=USUAL_KV_HEADS,
        help="G groups in the lecture: 1 is MQA, as many as query heads is MHA. Offered are the "
        "numbers that divide the query heads.",
    ).show()
    st.session_state[USED] = used
    st.session_state[CHOSEN] = chosen if used == nearest else used
    if st.session_state[CHOSEN] != used:
        st.info(f"{chosen} K/V heads do not divide {n_heads} query heads: {used} used.")
    return used


def _default(n_heads: int, nearest: int) -> int:
    """The number without a link's, which is the same in each run of a page.

    Streamlit drops a value that equals its default from the address, where a reload needs it. A
    link's number that does not divide the query heads is replaced by the nearest that does.
    """
    text = st.query_params.get(KEY, "")
    if KEY in st.session_state or text in ("", str(nearest)):
        return nearest_divisor(n_heads, USUAL_KV_HEADS)
    return nearest


def nearest_divisor(n_heads: int, n_kv_heads: int) -> int:
    """The divisor of n_heads that is nearest to n_kv_heads, of two the smaller."""
    return min(sorted(divisors(n_heads)), key=lambda count: abs(count - n_kv_heads))


def forget_choice() -> None:
    """Take the slider's next number as the choice; call it where a model sets the slider."""
    st.session_state.pop(USED, None)


def _chosen() -> int:
    """The number that the slider, a model or a link set last; not what a divisor replaced it by."""
    current = st.session_state.get(KEY)
    if current is None and (text := st.query_params.get(KEY, "")).isdecimal():
        return int(text[:9])
    if current is not None and current != st.session_state.get(USED):
        return int(current)
    return int(st.session_state.get(CHOSEN, USUAL_KV_HEADS))
