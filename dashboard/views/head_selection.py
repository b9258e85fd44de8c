"""The head map, on which a click selects a K/V head with all that read it."""

from __future__ import annotations

import streamlit as st

from dashboard.controls.model import PART
from dashboard.figures.head_map import head_map
from dashboard.report.cache_sentences import part_sentence, sharing_sentence
from dashboard.settings.model import ModelSettings
from dashboard.shell import panels
from dashboard.shell.state import remember
from gqa_core.configs import AttentionConfig
from gqa_core.theory.sharing import CachedPart

KEY = "head_map"
HINTS = {  # by whether the layer is MLA, whose heads read all that is cached
    False: "Click a head, or choose one under More settings.",
    True: "Click the latent or the key, or choose one under More settings.",
}


def show_head_map(settings: ModelSettings, attention: AttentionConfig, selected: int) -> None:
    """Draw one layer's heads; a click on one selects what it reads, as the select box does."""
    panels.show_figure(
        head_map(attention, settings.kv_format, selected),
        KEY,
        f"{attention.variant}: {sharing_sentence(attention)}",
        ("formula",),
        HINTS[attention.variant == "MLA"],
        on_select=_select,
    )


def show_part_sentence(settings: ModelSettings, part: CachedPart) -> None:
    """Draw the sentence about the selected part."""
    st.markdown(part_sentence(part, settings.kv_format))


def _select() -> None:
    """Select the cached part of the clicked head; a click beside the heads selects nothing new."""
    points = st.session_state[KEY]["selection"]["points"]
    names = [point["customdata"] for point in points if point.get("customdata")]
    if names:
        name = names[0][0] if isinstance(names[0], list) else names[0]
        st.session_state[PART] = remember(PART, name)
