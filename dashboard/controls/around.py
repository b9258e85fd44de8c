"""What stands around the sliders of a box: the model they are, import, link, reset, and hints."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.frame.kept import drawn
from dashboard.frame.links import show_link_buttons, show_link_faults
from dashboard.frame.panels import plain
from dashboard.model import box, config_report, imported_config
from dashboard.model.choices import HeadsChoice, SizeChoice
from dashboard.model.layout_sentences import layout_sentences
from dashboard.model.variants import merged_sentence


def row_above(*, measuring: bool) -> DeltaGenerator:
    """The line for what stands first and is drawn last, since it follows from the sliders."""
    box.adopt_link(measuring=measuring)
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small")


def show_what_follows(choice: HeadsChoice, above: DeltaGenerator) -> None:
    """The model that the sliders are, import, link and reset; below, what a reader must be told."""
    with above:
        box.show_model_box(choice)
        imported_config.show_config_import(box.set_sliders)
        is_imported = box.is_of_import()
        left_out = {box.KEY} if is_imported else set()
        choices = {key: value for key, value in drawn().items() if key not in left_out}
        show_link_buttons(choices, imported_config.LEFT_OUT if is_imported else "")
    show_link_faults()
    if merged := merged_sentence(choice.n_heads, choice.n_kv_heads):
        st.info(merged)
    if isinstance(choice, SizeChoice):
        if said := " ".join(layout_sentences(choice)):
            st.caption(plain(said))
        if is_imported:
            config_report.show_config_report(choice, imported_config.imported())
