"""The page list and what every page starts with.

Pages have no icons, because Streamlit would fetch a tab's icon from a font host.

Until the first session of a server calls `st.navigation`, Streamlit discovers the `pages/` folder
by itself. A first visit by deep link would run that page's file alone, with another menu and no
page config; `open_page` detects this, sets up the navigation and reruns.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cache

import streamlit as st

from dashboard.report.markup import full_sentence
from dashboard.shell import page_content
from dashboard.shell.links import show_link_errors
from dashboard.shell.startup import prepare_process
from dashboard.shell.state import restore
from dashboard.shell.stylesheet import STYLE
from dashboard.shell.visitors import note_visit


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the menu: its file below pages/, which is its address too, and its title."""

    name: str
    title: str


START = Entry("overview", "Overview")
SECTIONS = {
    "Understand": (
        Entry("head_groups", "Heads"),
        Entry("kv_cache", "Cache size"),
        Entry("why_cache", "Why a cache"),
        Entry("equivalence", "Same result?"),
    ),
    "Decide": (
        Entry("choose", "How many K/V heads?"),
        Entry("capacity", "What fits"),
        Entry("quality", "Quality"),
    ),
    "Measure": (
        Entry("decode", "Decode"),
        Entry("several_gpus", "Several GPUs"),
        Entry("runs", "Runs"),
    ),
}
VIEWS = (  # of the page Decode, which once were pages: their addresses lead there
    Entry("crossover", "Crossover"),
    Entry("roofline", "Roofline"),
)
PAGES = (START, *(entry for entries in SECTIONS.values() for entry in entries), *VIEWS)
HAS_NAVIGATION = "navigation_is_set_up"


def navigate() -> st.Page:
    """Set up the navigation and the page config, and return the requested page."""
    st.session_state[HAS_NAVIGATION] = True
    menu = {section: [*map(copy, pages)] for section, pages in _menu().items()}
    page = st.navigation(menu, position="top")
    st.set_page_config(page_title=f"{page.title} | GQA Lab", page_icon="🔑", layout="wide")
    return page


@cache
def _menu() -> dict[str, list[st.Page]]:
    """The pages by section: to find a dozen files anew costs a moved slider 2 ms.

    Streamlit notes in a page whether it may run, so each session needs copies.
    """
    return {
        "": [
            st.Page(_file(START), title=START.title, url_path="start", default=True),
            st.Page(_start_again, title=START.title, url_path=START.name, visibility="hidden"),
            *(st.Page(_file(view), title=view.title, visibility="hidden") for view in VIEWS),
        ],
        **{
            section: [st.Page(_file(entry), title=entry.title) for entry in entries]
            for section, entries in SECTIONS.items()
        },
    }


def open_page(title: str) -> None:
    """Draw the title of a page, after setting up the navigation if it is missing."""
    _require_navigation()
    prepare_process()
    restore(title)
    page_content.start(title)
    st.html(STYLE)
    st.title(title, anchor=False)
    _require_settings_and_room()
    show_link_errors()


def lead_to(name: str, **params: str) -> None:
    """Lead an old address to the page of this name, with the link's settings and `params`."""
    _require_navigation()
    entry = next(entry for entry in PAGES if entry.name == name)
    _switch(entry, **params)


def _require_settings_and_room() -> None:
    """Show one sentence in place of the page if the limits are wrong, or too many are here."""
    try:
        note_visit()
    except ValueError as error:
        st.error(full_sentence(str(error)))
        st.stop()


def _require_navigation() -> None:
    """Set up the navigation and run again if this page's file was run alone."""
    if HAS_NAVIGATION not in st.session_state:
        navigate()
        st.rerun()


def _file(entry: Entry) -> str:
    return f"pages/{entry.name}.py"


def _start_again() -> None:
    """Lead /overview, which visitors type, to the start page with its settings."""
    _switch(START)


def _switch(entry: Entry, **params: str) -> None:
    """Switch to a page with the link's settings, all values of each, and `params`."""
    query = {key: st.query_params.get_all(key) for key in st.query_params}
    st.switch_page(_file(entry), query_params=query | {key: [text] for key, text in params.items()})
