"""What stands around the sliders of a box: the model they are, import, link, reset, and hints."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls import config_import as imported_config
from dashboard.controls import config_report
from dashboard.controls import model_box as box
from dashboard.report.layout_sentences import layout_sentences
from dashboard.settings.model import AttentionSettings, ModelSettings
from dashboard.settings.variants import describe_merged_rows
from dashboard.shell.links import show_link_buttons, show_link_errors
from dashboard.shell.panels import escape_markdown
from dashboard.shell.state import drawn


def model_row_placeholder(*, measuring: bool) -> DeltaGenerator:
    """The line for what stands first and is drawn last, since it follows from the sliders."""
    box.apply_link(measuring=measuring)
    return st.container(horizontal=True, vertical_alignment="bottom", gap="small")


def fill_model_row(settings: AttentionSettings, above: DeltaGenerator) -> None:
    """The model that the sliders are, import, link and reset; below, what a reader must be told."""
    with above:
        box.show_model_box(settings)
        imported_config.show_config_import(box.set_sliders)
        is_imported = box.is_of_import()
        left_out = {box.KEY} if is_imported else set()
        choices = {key: value for key, value in drawn().items() if key not in left_out}
        show_link_buttons(choices, imported_config.LEFT_OUT if is_imported else "")
    show_link_errors()
    if merged := describe_merged_rows(settings.n_heads, settings.n_kv_heads):
        st.info(merged)
    if isinstance(settings, ModelSettings):
        if said := " ".join(layout_sentences(settings)):
            st.caption(escape_markdown(said))
        if is_imported:
            config_report.show_config_report(settings, imported_config.imported())
