"""MLA in three steps: a picture, a sentence, and folded its numbers."""

from __future__ import annotations

import streamlit as st

from dashboard.data.mla_forms import MlaForms, mla_forms
from dashboard.figures.mla_steps import mla_steps_figure
from dashboard.report.mla_form_tables import mla_form_table, mla_forms_sentence
from dashboard.settings.model import ModelSettings
from dashboard.shell import panels
from gqa_core.configs import LatentConfig


def show_mla_steps(settings: ModelSettings, attention: LatentConfig) -> MlaForms:
    """Draw the three steps of this layer, and return its two forms."""
    forms = mla_forms(attention, settings.kv_format, settings.context_len)
    panels.show_figure(
        mla_steps_figure(forms),
        "mla_steps",
        mla_forms_sentence(forms),
        ("formula",),
        "Filled: kept, and read by each step. Hollow: computed and thrown away.",
    )
    return forms


def show_mla_numbers(forms: MlaForms) -> None:
    """Draw bytes and FLOP of both forms for one layer and one sequence."""
    st.subheader("Naive or absorbed")
    st.markdown(mla_forms_sentence(forms))
    table = mla_form_table(forms)
    caption = f"One layer and one sequence of {forms.context_len} tokens, in {forms.kv_format}."
    panels.show_small_table(table, ("formula",), caption)
    panels.show_downloads("mla_forms", {"csv": table.csv})
