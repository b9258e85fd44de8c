"""The sidebar's parts: what belongs above the sliders, those in sight, and a folded box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shell.folded_box import FoldedBox

__all__ = ["MORE", "sidebar_box"]

MORE = "more_settings"  # key of the folded box, whose state is whether it is open


@contextmanager
def sidebar_box() -> Iterator[tuple[DeltaGenerator, FoldedBox]]:
    """Draw into the sidebar; yields the container above the widgets and the folded one below.

    The one above is filled last, because what it shows depends on the widgets.
    """
    with st.sidebar:
        above, widgets = st.container(), st.container()
        more = FoldedBox("More settings", MORE)
        with widgets:
            yield above, more
