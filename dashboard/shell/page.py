"""The page list and what every page starts with.

Pages have no icons: Streamlit would ask a font host for the picture of a tab.

Streamlit still finds a `pages/` folder by itself until the first session of a server has called
`st.navigation`. A first visit by deep link would then run that page's file alone, with another
menu and no settings; `open_page` notices, sets the navigation up, and runs once more.
"""

from __future__ import annotations

import streamlit as st

from dashboard.figures.style import INK
from dashboard.shell.garbage import freeze_loaded_modules
from dashboard.shell.state import restore

PAGES = (
    ("overview", "Overview"),
    ("head_groups", "Head groups"),
    ("kv_cache", "KV cache"),
    ("why_cache", "Why a cache"),
    ("decode", "Decode"),
    ("roofline", "Roofline"),
    ("crossover", "Crossover"),
    ("equivalence", "Equivalence"),
    ("quality", "Quality"),
    ("capacity", "Capacity"),
    ("runs", "Runs"),
)
# Tables of text that are wider than a phone are scrolled by themselves, not with the page; text of
# charts that has no colour of its own has that of the page, light or dark; what is said under a
# metric goes on in a second line.
STYLE = f"""<style>
[data-testid=stMarkdownContainer] table {{display: block; overflow-x: auto}}
[data-testid=stPlotlyChart] text[style*="{INK}"] {{fill: currentColor !important}}
[data-testid=stMetricDeltaDescription] * {{white-space: normal !important}}
</style>"""
SEEN = "navigation_is_set_up"


def navigate() -> st.Page:
    """Set the page up and return the one the visitor asked for."""
    pages = [
        st.Page(f"pages/{name}.py", title=title, default=name == PAGES[0][0])
        for name, title in PAGES
    ]
    st.session_state[SEEN] = True
    page = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{page.title} | GQA Lab", page_icon="🔑", layout="wide")
    return page


def open_page(title: str, caption: str) -> None:
    """The head of a page, once the navigation is known to be there."""
    if SEEN not in st.session_state:
        navigate()
        st.rerun()
    freeze_loaded_modules()
    restore(title)
    st.html(STYLE)
    st.title(title)
    st.caption(caption)
