"""Choices that outlive a visit to another page.

A menu link drops the URL's values, and a widget whose value came from the URL then falls back to
its default. So every setting is noted, and put back when the page has changed; a value in the URL
still goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

KEPT, DRAWN, PAGE = "kept_choices", "drawn_choices", "kept_page"

T = TypeVar("T")


def keep(key: str, value: T) -> T:
    """Note the value of the widget with this key, and hand it on."""
    st.session_state.setdefault(KEPT, {})[key] = value
    st.session_state.setdefault(DRAWN, {})[key] = value
    return value


def drawn() -> dict[str, Any]:
    """The choices of this page, by key, in the order in which they were drawn."""
    return dict(st.session_state.get(DRAWN, {}))


def move_into(key: str, options: Sequence[Any]) -> None:
    """Move a slider whose options have changed to the nearest number that is left."""
    now = st.session_state.get(key)
    if now is not None and now not in options:
        st.session_state[key] = min(options, key=lambda option: abs(option - now))


def restore(page: str) -> None:
    """Start a page: put the noted choices back if another page was shown before it."""
    st.session_state[DRAWN] = {}
    if st.session_state.get(PAGE, page) != page:
        for key, value in st.session_state.get(KEPT, {}).items():
            if key not in st.query_params:
                st.session_state[key] = value
    st.session_state[PAGE] = page
