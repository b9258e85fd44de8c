"""Above the sliders: the model, import, Share and Reset; below them: notes."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls import config_import, config_report, link_model
from dashboard.controls import model_box as box
from dashboard.controls.compare import compared_imports
from dashboard.controls.imports import ImportedConfig
from dashboard.report.layout_sentences import layout_sentences
from dashboard.report.size_command import size_command
from dashboard.settings.model import AttentionSettings, ModelSettings
from dashboard.settings.variants import describe_merged_rows
from dashboard.shell.links import show_link_buttons
from dashboard.shell.page_content import note_fallback_command
from dashboard.shell.panels import escape_markdown
from dashboard.shell.state import current_settings


def fill_model_row(settings: AttentionSettings, placeholder: DeltaGenerator) -> None:
    """Draw the model box, import, Share and Reset above the sliders, and the notes below them.

    Call it after the sliders, because it depends on their values.
    """
    with placeholder:
        box.show_model_box(settings)
    with placeholder.container(horizontal=True, gap="small"):
        config_import.show_config_import(box.set_sliders)
        shared = current_settings()
        chosen = box.chosen_import()
        configs = [*([chosen] if chosen else []), *compared_imports()]
        shared, note = link_model.with_models(shared, configs)
        show_link_buttons(shared, note)
    link_model.update_address(configs)
    with st.sidebar:
        _show_notes(settings, chosen)


def _show_notes(settings: AttentionSettings, imported: ImportedConfig | None) -> None:
    if merged := describe_merged_rows(settings.n_heads, settings.n_kv_heads):
        st.info(merged)
    if isinstance(settings, ModelSettings):
        if "MLA" not in settings.models:
            st.info(f"MLA of these widths cannot be stored in {settings.kv_format}: no row of it.")
        if sentences := layout_sentences(settings):
            st.caption(escape_markdown(" ".join(sentences)))
        if imported:
            config_report.show_config_report(settings, imported)
        _note_command(settings, imported)


def _note_command(settings: ModelSettings, imported: ImportedConfig | None) -> None:
    """Note the line that prints these sizes, if there is one, for the report of the page."""
    if command := config_report.command(settings) if imported else size_command(settings):
        note_fallback_command(command)
