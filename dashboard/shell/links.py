"""The view as a link: what a link asked for and cannot have, the link to this view, and reset.

Streamlit replaces a bad value in a link by the default and says nothing, so the values are looked
at once, while the widgets of a session's first page are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

SHARE = "share_popover"  # what is inside is made when it is opened
READ, FAULTS, DEFAULTS = "link_is_read", "link_faults", "default_choices"


def validate_query_param(key: str, options: Sequence[Any], default: Any) -> None:
    """Note a value of the link that this widget cannot show, while the link is new."""
    remember_default(key, default)
    known = set(map(str, options))
    wrong = [asked for asked in st.query_params.get_all(key) if asked not in known]
    if READ not in st.session_state and wrong:
        _note_fault(key, "one of its options", wrong[0], default)


def validate_number_param(key: str, low: float, high: float, default: float) -> None:
    """The same of a widget for a number that is typed."""
    st.session_state.setdefault(DEFAULTS, {})[key] = default
    asked = st.query_params.get(key)
    if READ not in st.session_state and asked is not None and not _is_within(asked, low, high):
        kind = "a whole number" if isinstance(default, int) else "a number"
        _note_fault(key, f"{kind} from {low:g} to {high:g}", asked, default)


def remember_default(key: str, default: Any) -> None:
    """Note what Reset sets."""
    st.session_state.setdefault(DEFAULTS, {})[key] = default


def show_link_errors() -> None:
    """What was wrong with the link that opened this session, letter by letter."""
    st.session_state[READ] = True
    if faults := st.session_state.get(FAULTS):
        st.code("\n".join(faults), language=None, wrap_lines=True)


def show_link_row(choices: Mapping[str, Any]) -> None:
    """A line of its own with both buttons, and below it what was wrong with the link."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        show_link_buttons(choices)
    show_link_errors()


def show_link_buttons(choices: Mapping[str, Any], left_out: str = "") -> None:
    """Share this view as a link, and reset its widgets; `left_out` says what no link can hold."""
    share = st.popover("Share", icon=":material/link:", key=SHARE, on_change="rerun")
    if share.open:
        share.caption(f"Opens this page with these settings. {left_out}")
        share.code(link(st.context.url or "", choices), language=None, wrap_lines=True)
    st.button("Reset", icon=":material/restart_alt:", key="reset_button", on_click=_reset)


def link(address: str, choices: Mapping[str, Any]) -> str:
    """The address of a page with every setting in it, and nothing else."""
    texts = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in choices.items()
    }
    return urlunsplit(urlsplit(address)._replace(query=urlencode(texts, doseq=True), fragment=""))


def _reset() -> None:
    st.session_state.pop(FAULTS, None)
    for key, value in st.session_state.get(DEFAULTS, {}).items():
        st.session_state[key] = value


def _is_within(asked: str, low: float, high: float) -> bool:
    """Whether this is a number as the bounds are, whole or not, between them."""
    try:
        return low <= type(low)(asked) <= high
    except ValueError:
        return False


def _note_fault(key: str, rule: str, asked: str, default: Any) -> None:
    used = "none of them" if default == [] else default
    sentence = f"{key} in the link must be {rule}: got {asked[:40]!r}, {used} used"
    st.session_state.setdefault(FAULTS, []).append(sentence)
