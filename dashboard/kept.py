"""Choices that outlive a visit to another page.

A menu link drops the URL's values, and a widget whose value came from the URL then falls back to
its default. So every choice is noted, and put back when the page has changed; a value in the URL
still goes first.
"""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

KEPT, PAGE = "kept_choices", "kept_page"

T = TypeVar("T")


def keep(key: str, value: T) -> T:
    """Note the value of the widget with this key, and hand it on."""
    st.session_state.setdefault(KEPT, {})[key] = value
    return value


def restore(page: str) -> None:
    """Put the noted choices back if another page was shown before this one."""
    if st.session_state.get(PAGE, page) != page:
        for key, value in st.session_state.get(KEPT, {}).items():
            if key not in st.query_params:
                st.session_state[key] = value
    st.session_state[PAGE] = page
