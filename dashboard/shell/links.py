"""Shareable links: check the query parameters, build the link of the current view, and reset it.

Streamlit replaces most bad values in a link by the default without a word, and an empty one by
None. So each parameter is checked once per session, before its widget is drawn: a bad value is
removed from the URL and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboard.shell.page_report import show_report_downloads

SHARE = "share_popover"  # its content is made when it is opened
CHECKED, ERRORS, DEFAULTS = "checked_query_params", "link_errors", "default_values"
MAX_QUOTED = 40  # characters of a bad value


def validate_query_param(
    key: str,
    rule: str,
    is_valid: Callable[[list[str]], bool],
    default: Any,
    replacement: str | None = None,
) -> None:
    """Report and remove, or replace, the link's values of a parameter unless they are valid.

    Args:
        key: the parameter's name, which is the widget's key.
        rule: what a value must be, as in "one of its options".
        is_valid: tells whether all values that the link gives are valid.
        default: what the widget shows instead, and what Reset sets.
        replacement: what stands in the address instead, so that a reload keeps it.
    """
    set_default(key, default)
    checked = st.session_state.setdefault(CHECKED, set())
    if key in checked:
        return
    checked.add(key)
    values = st.query_params.get_all(key)
    if values and not is_valid(values):
        _add_option_error(key, rule, values, default)
        if replacement is None:
            del st.query_params[key]
        else:
            st.query_params[key] = replacement
        st.rerun()  # Streamlit read the URL when this run began


def set_default(key: str, default: Any) -> None:
    """Set what Reset restores."""
    st.session_state.setdefault(DEFAULTS, {})[key] = default


def show_link_errors() -> None:
    """Show what the link that opened this session could not set, verbatim, until Reset."""
    if errors := st.session_state.get(ERRORS):
        st.code("\n".join(errors.values()), language=None, wrap_lines=True)


def show_link_row(settings: Mapping[str, Any]) -> None:
    """A row with the Share and Reset buttons."""
    with st.container(horizontal=True, gap="small"):
        show_link_buttons(settings)


def show_link_buttons(settings: Mapping[str, Any], note: str = "") -> None:
    """Share this view as a link or a file, and reset its widgets.

    `note` says what the link carries beside the settings, or omits.
    """
    share = st.popover("Share", icon=":material/link:", key=SHARE, on_change="rerun")
    if share.open:
        address = link(st.context.url or "", settings)
        with share:
            st.caption(f"Opens this page with these settings. {note}")
            st.code(address, language=None, wrap_lines=True)
            st.caption("Or as a file, with figures and tables as they are now:")
            show_report_downloads(settings, address)
    st.button("Reset", icon=":material/restart_alt:", key="reset_button", on_click=_reset)


def is_sharing() -> bool:
    """True while Share is open."""
    return bool(st.session_state.get(SHARE))


def link(address: str, settings: Mapping[str, Any]) -> str:
    """The address of a page with exactly these settings as its query."""
    query = urlencode({key: query_texts(value) for key, value in settings.items()}, doseq=True)
    return urlunsplit(urlsplit(address)._replace(query=query, fragment=""))


def query_texts(value: Any) -> list[str]:
    """The values of a parameter; nothing, and an empty selection, is one empty value."""
    if value is None:
        return [""]
    if isinstance(value, bool):
        return [str(value).lower()]
    return [*map(str, value)] or [""] if isinstance(value, (list, tuple)) else [str(value)]


def _reset() -> None:
    st.session_state.pop(ERRORS, None)
    for key, value in st.session_state.get(DEFAULTS, {}).items():
        st.session_state[key] = value


def add_link_error(key: str, sentence: str) -> None:
    """Note a sentence about a link's parameter; the page shows it from its next run on."""
    st.session_state.setdefault(ERRORS, {})[key] = sentence


def _add_option_error(key: str, rule: str, values: Sequence[str], default: Any) -> None:
    got = " and ".join(repr(value[:MAX_QUOTED]) for value in values)
    used = (", ".join(default) or "none of them") if isinstance(default, list) else default
    add_link_error(key, f"{key} in the link must be {rule}: got {got}, {used} used")
