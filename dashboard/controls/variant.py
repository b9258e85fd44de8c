"""The choice of the variant that a page shows in detail, beside a K/V slider that may remove it.

With 1 K/V head, or as many as query heads, GQA is MQA or MHA and is not offered. The choice then
moves to what GQA has become, and back to GQA with the slider, unless the user has chosen since.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.settings.model import ModelSettings
from dashboard.shell import address
from dashboard.shell.links import set_default
from dashboard.shell.widgets import Segmented

KEY = "variant"
FOLLOWING = "variant_stands_for_gqa"  # True while GQA is chosen but not offered
DEFAULT = "GQA"


def variant_control(settings: ModelSettings) -> str:
    """The variant that a page shows in detail."""
    names = list(settings.variants)
    shown_as = _gqa_shown_as(names, settings)
    if address.decides(KEY):
        stop_following()
        named = st.query_params.get(KEY, DEFAULT)
        st.session_state[KEY] = named if named in names else DEFAULT
    _follow_slider(names, shown_as)
    chosen = Segmented(
        key=KEY, label="Variant shown", options=names, default=shown_as, is_bound=False
    ).show(on_change=stop_following)
    address.write(KEY, DEFAULT if FOLLOWING in st.session_state else chosen, DEFAULT)
    set_default(KEY, DEFAULT)  # Reset moves the heads as well
    return chosen


def stop_following() -> None:
    """Let the choice stand, whatever the slider does."""
    st.session_state.pop(FOLLOWING, None)


def _gqa_shown_as(names: Sequence[str], settings: ModelSettings) -> str:
    """GQA, or the variant that it equals with these heads."""
    if DEFAULT in names:
        return DEFAULT
    return "MQA" if settings.n_kv_heads == 1 and "MQA" in names else "MHA"


def _follow_slider(names: Sequence[str], shown_as: str) -> None:
    """Move a choice of GQA to what GQA is with these heads, and back."""
    if st.session_state[KEY] == DEFAULT and DEFAULT not in names:
        st.session_state[FOLLOWING] = True
    if st.session_state.get(FOLLOWING):
        st.session_state[KEY] = shown_as
    if shown_as == DEFAULT:
        stop_following()
