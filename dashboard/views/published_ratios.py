"""The ratios of sharing that published models chose, on the pages that decide."""

from __future__ import annotations

import streamlit as st

from dashboard.data.published_ratios import published_ratios
from dashboard.figures.published_ratios import published_ratios_figure
from dashboard.shell import panels

__all__ = ["show_choices"]


def show_choices() -> None:
    """Draw how many published models share heads in which ratio."""
    counts = published_ratios()
    n_models = sum(len(count.names) for count in counts)
    most = max(counts, key=lambda count: len(count.names))
    takeaway = f"{len(most.names)} of {n_models} published models chose {most.label}, the most."
    st.subheader("What published models chose")
    panels.show_figure(
        published_ratios_figure(counts),
        "published_ratios",
        takeaway,
        ("published",),
        f"{takeaway} Hover for their names.",
    )
