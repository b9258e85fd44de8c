"""Widgets of the page Decode: its view, and whose measurements it shows."""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

from dashboard.data.decode_view import SHOWN, Shown
from dashboard.shell.widgets import Segmented

__all__ = ["BOUND", "FASTER", "TIME", "View", "shown_control", "view_control"]

View = Literal["Time", "Faster from", "Bound"]
TIME, FASTER, BOUND = VIEWS = get_args(View)


def view_control() -> View:
    """The view of the page: times, crossovers, or the roofline."""
    return Segmented(
        key="view",
        label="View",
        options=VIEWS,
        default=TIME,
        help="Time: attend time over the context. Faster from: the context from which a step beats "
        "MHA's. Bound: what limits a step, memory or arithmetic.",
        has_label=False,
    ).show()


def shown_control(*, has_both: bool) -> Shown:
    """Whose measurements are shown; a choice is drawn in the sidebar where there are two."""
    with st.sidebar:
        if not has_both:
            return SHOWN[0]
        return Segmented(
            key="shown",
            label="Measured",
            options=SHOWN,
            default=SHOWN[0],
            help="Own runs take the place of the sample run that ships.",
        ).show()
