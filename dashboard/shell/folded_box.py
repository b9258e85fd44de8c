"""A folded box of widgets, of which the closed one holds only those that are not at their default.

Each widget costs a moved slider a millisecond or two, most of it in the browser. So a box that is
closed leaves out what says nothing, and keeps what the page's numbers and its address depend on.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType

import streamlit as st

__all__ = ["FoldedBox", "is_left_out"]

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
    """True if a widget with this key is in a closed box and would show its default."""
    if not _IN_CLOSED_BOX.get() or key in st.query_params:
        return False
    value = st.session_state.get(key, default)
    return bool(value == default)
