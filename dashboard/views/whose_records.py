"""Whose records the page Runs shows, in sentences: a log that all share, a session's, or none."""

from __future__ import annotations

import streamlit as st

from gqa_core.limits.settings import limits

__all__ = ["empty_sentence", "show_lifetime"]

EMPTY = {  # without a record of the log, by what a visitor sees
    "shared": "The log is empty",
    "session": "You have no records in this session",
    "shipped": "Only shipped records are shown here",
}
LIFETIME = (
    "Your own records are seen by you alone, and go when you leave, reload the page or type "
    "another address: download what you want to keep."
)


def empty_sentence(n_records: int | None) -> str:
    """A clause about a log without records; empty if it has some, or cannot be read (None)."""
    return "" if n_records is None or n_records else EMPTY[limits().visible_records]


def show_lifetime() -> None:
    """Draw how long records last, where they are those of a session."""
    if limits().visible_records == "session":
        st.caption(LIFETIME)
