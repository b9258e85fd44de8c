"""Widget values that outlive a visit to another page.

A menu link drops the URL's query, and a widget whose value came from the URL then falls back to
its default. So every value is remembered, and restored when the page has changed; a value in the
URL takes precedence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

REMEMBERED, CURRENT, PAGE = "remembered_values", "values_of_this_page", "current_page"

T = TypeVar("T")


def remember(key: str, value: T) -> T:
    """Remember the value of the widget with this key, and return it."""
    st.session_state.setdefault(REMEMBERED, {})[key] = value
    st.session_state.setdefault(CURRENT, {})[key] = value
    return value


def current_settings() -> dict[str, Any]:
    """The widget values of this page by key, in the order of the widgets."""
    return dict(st.session_state.get(CURRENT, {}))


def current_page() -> str:
    """The title of the page that `restore` has started."""
    return str(st.session_state.get(PAGE, ""))


def clamp_to_options(key: str, options: Sequence[Any]) -> None:
    """Move a slider whose options have changed to the nearest remaining number."""
    value = st.session_state.get(key)
    if value is not None and value not in options:
        st.session_state[key] = min(options, key=lambda option: abs(option - value))


def restore(page: str) -> None:
    """Start a page: restore the remembered values if another page was shown before."""
    st.session_state[CURRENT] = {}
    if st.session_state.get(PAGE, page) != page:
        for key, value in st.session_state.get(REMEMBERED, {}).items():
            if key not in st.query_params:
                st.session_state[key] = value
    st.session_state[PAGE] = page
