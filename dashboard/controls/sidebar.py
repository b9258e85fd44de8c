"""The sidebar's parts: what belongs above the sliders, those in sight, and a folded box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["sidebar_box"]


@contextmanager
def sidebar_box() -> Iterator[tuple[DeltaGenerator, DeltaGenerator]]:
    """Draw into the sidebar; yields the container above the widgets and the folded one below.

    The one above is filled last, because what it shows depends on the widgets.
    """
    with st.sidebar:
        above, widgets = st.container(), st.container()
        more = st.expander("More settings")
        with widgets:
            yield above, more
