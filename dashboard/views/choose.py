"""The parts of the page that recommends K/V heads: answer, figure, table, method."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.controls.choose import take_kv_heads
from dashboard.controls.weights import show_weights_offers
from dashboard.data.choice import Choice
from dashboard.figures.kv_head_choices import kv_head_choices
from dashboard.report import choice_sentences as sentences
from dashboard.report.advice_tables import option_table
from dashboard.report.advise_command import advise_command
from dashboard.report.quality_tables import published_table
from dashboard.shell import loaders, logged, panels
from dashboard.shell.log import read_log
from dashboard.shell.samples import show_sample_warnings
from dashboard.views.published_ratios import show_choices
from gqa_core.advice import Advice, AdviceRequest, advise
from gqa_core.advice.measured import measured_filter
from gqa_core.advice.sentences import recommendation
from gqa_core.catalog.results import published_tables

__all__ = ["show_choice"]

CHART = "kv_head_choices"


def show_choice(choice: Choice) -> None:
    """Draw the answer to a choice, or what it lacks."""
    if choice.request is None:
        panels.show_notice(choice.missing)
        show_weights_offers()
        show_choices()
        return
    advice = _advice(choice.request)
    panels.show_answer(sentences.answer(advice))
    panels.show_strip(sentences.metrics(advice))
    panels.show_figure(
        kv_head_choices(advice, choice.n_kv_heads),
        CHART,
        recommendation(advice),
        _evidence(advice),
        sentences.caption(advice),
        on_select=partial(take_kv_heads, CHART),
    )
    slider = sentences.slider_sentence(choice, advice)
    lines = [*filter(None, [choice.note, slider]), *sentences.details(advice)]
    st.markdown("".join(f"- {panels.escape_markdown(line)}\n" for line in lines))
    _show_tables(advice)
    panels.show_method(
        sentences.method(choice, advice), advise_command(choice.request, choice.model_name)
    )


def _advice(request: AdviceRequest) -> Advice:
    """The advice, beside what was measured here and elsewhere."""
    show_sample_warnings()
    where = measured_filter(request)
    rows = [*loaders.sample_rows(), *read_log(lambda: logged.newest_rows(where), ())]
    return advise(request, loaders.shipped_quality(), rows)


def _evidence(advice: Advice) -> list[str]:
    """The kinds of evidence of the figure and its table."""
    kinds = ["formula", "measured elsewhere", "published"]
    measured = [option.measured.evidence for option in advice.options if option.measured]
    return list(dict.fromkeys([*kinds, *measured]))


def _show_tables(advice: Advice) -> None:
    if place := panels.folded("All candidates in numbers", "choice_unfolded"):
        with place:
            table = option_table(advice)
            panels.show_table(table, "choice", "All numbers of K/V heads, one row each")
            panels.show_downloads("kv_heads", {"csv": table.csv})
    if place := panels.folded("Published results on quality", "choice_published_unfolded"):
        with place:
            panels.show_evidence("published")
            for name in published_tables():
                st.markdown(f"**{name}**")
                panels.show_small_table(published_table(name))
