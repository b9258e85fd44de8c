"""A click into a chart over the context, which sets the slider."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.controls.sliders import CONTEXT_LEN
from dashboard.shell.state import remember

CLICK_HINT = "Click a place to set the context."


def take_context(key: str) -> None:
    """Set the context slider to its option nearest to the point clicked in the chart `key`."""
    points: list[dict[str, Any]] = st.session_state[key]["selection"]["points"]
    contexts = [point["x"] for point in points if isinstance(point.get("x"), (int, float))]
    if contexts:
        nearest = min(CONTEXT_LEN.options, key=lambda option: abs(option - contexts[0]))
        st.session_state[CONTEXT_LEN.key] = remember(CONTEXT_LEN.key, nearest)
