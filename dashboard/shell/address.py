"""Values that a widget itself reads from the address and writes into it.

A widget that Streamlit binds to the address loses its parameter at its default of the moment. That
is wrong where the default moves with other widgets, and where no value is not the default. Such a
widget is not bound: it reads the address when the address decides, and writes what has changed.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.shell.links import query_texts
from dashboard.shell.state import current_page

__all__ = ["decides", "write"]

WRITTEN = "values_in_the_address"


def decides(key: str) -> bool:
    """True if the address says what a widget shows: it is new, or Back or Forward led here."""
    context = get_script_run_ctx()
    return key not in st.session_state or bool(context and context.is_history_navigation)


def write(key: str, value: Any, default: Any) -> None:
    """Write a changed value into the address, or remove the default from it.

    The address of a new link stays as it is: its model may have set the value.
    """
    written = st.session_state.setdefault(WRITTEN, {})
    before, now = written.get(key), (current_page(), value)
    written[key] = now
    if before in (None, now):
        return
    texts = [] if value == default else query_texts(value)
    if texts == st.query_params.get_all(key):
        return
    if texts:
        st.query_params[key] = texts
    else:
        del st.query_params[key]
