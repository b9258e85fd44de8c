"""The page list and what every page starts with.

Pages have no icons, because Streamlit would fetch a tab's icon from a font host.

Until the first session of a server calls `st.navigation`, Streamlit discovers the `pages/` folder
by itself. A first visit by deep link would run that page's file alone, with another menu and no
page config; `open_page` detects this, sets up the navigation and reruns.
"""

from __future__ import annotations

import streamlit as st

from dashboard.figures.style import INK
from dashboard.shell.startup import prepare_process
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
# Markdown tables wider than a phone scroll on their own; chart text without a colour of its own has
# the page's, light or dark; the description of a metric wraps.
STYLE = f"""<style>
[data-testid=stMarkdownContainer] table {{display: block; overflow-x: auto}}
[data-testid=stPlotlyChart] text[style*="{INK}"] {{fill: currentColor !important}}
[data-testid=stMetricDeltaDescription] * {{white-space: normal !important}}
</style>"""
HAS_NAVIGATION = "navigation_is_set_up"


def navigate() -> st.Page:
    """Set up the navigation and the page config, and return the requested page."""
    pages = [
        st.Page(f"pages/{name}.py", title=title, default=name == PAGES[0][0])
        for name, title in PAGES
    ]
    st.session_state[HAS_NAVIGATION] = True
    page = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{page.title} | GQA Lab", page_icon="🔑", layout="wide")
    return page


def open_page(title: str, caption: str) -> None:
    """Draw the title and caption of a page, after setting up the navigation if it is missing."""
    if HAS_NAVIGATION not in st.session_state:
        navigate()
        st.rerun()
    prepare_process()
    restore(title)
    st.html(STYLE)
    st.title(title)
    st.caption(caption)
