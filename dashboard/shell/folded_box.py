"""A folded box of widgets, of which the closed one holds only those that are not at their default.

Each widget costs a moved slider a millisecond or two, most of it in the browser. So a box that is
closed leaves out what says nothing, and keeps what the page's numbers and its address depend on.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType

import streamlit as st

from dashboard.shell.links import query_texts

__all__ = ["FoldedBox", "is_left_out"]

LEFT_OUT = "left_out_widgets"
_IN_CLOSED_BOX = ContextVar("in_closed_box", default=False)


class FoldedBox:
    """An expander to draw widgets into by `with`, as often as needed and within itself."""

    def __init__(self, label: str, key: str) -> None:
        self._expander = st.expander(label, key=key, on_change="rerun")
        self._tokens: list[Token[bool]] = []  # of the `with` statements that it is in

    def __enter__(self) -> None:
        self._expander.__enter__()
        self._tokens.append(_IN_CLOSED_BOX.set(not self._expander.open))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _IN_CLOSED_BOX.reset(self._tokens.pop())
        self._expander.__exit__(kind, error, trace)


def is_left_out(key: str, default: object) -> bool:
    """True if a widget with this key is in a closed box and would show its default.

    One that appears again, because a click or a card has set it, is written into the address:
    Streamlit does that for a widget only if it was there before.
    """
    left_out: set[str] = st.session_state.setdefault(LEFT_OUT, set())
    is_in_address = key in st.query_params
    is_default = bool(st.session_state.get(key, default) == default)
    if is_default and _IN_CLOSED_BOX.get() and not is_in_address:
        left_out.add(key)
        return True
    if key in left_out:
        left_out.discard(key)
        if not (is_default or is_in_address):
            st.query_params[key] = query_texts(st.session_state[key])
    return False
