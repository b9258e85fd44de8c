"""The cache of every variant: the answer, a number each, lines over the context, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.controls.context_click import CLICK_HINT, take_context
from dashboard.controls.examples import show_example
from dashboard.data.cache_growth import cache_growth_data
from dashboard.data.decode_rows import CacheRow
from dashboard.figures.cache_growth import cache_growth
from dashboard.report import cache_sentences as sentences
from dashboard.report import cache_tables as tables
from dashboard.report.guesses import other_format_guess
from dashboard.settings.model import ModelSettings
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels
from dashboard.views.deepseek_staircase import show_deepseek_staircase
from dashboard.views.guess import show_guess
from dashboard.views.logged_caches import logged_caches, show_logged_caches
from dashboard.views.memory_parts import show_parts
from gqa_core.catalog.devices import Device

CHART = "cache_growth"


def show_cache_size(settings: ModelSettings, ceilings: Sequence[Device]) -> None:
    """Draw the caches of all variants over the context, and below them the numbers."""
    panels.show_answer(sentences.cache_answer(settings))
    panels.show_strip(sentences.cache_metrics(settings))
    show_example(settings)
    above, below = st.container(), st.container()
    with below:  # its notes stand below the figure that its markers belong to
        measured = logged_caches(settings)
        show_logged_caches(measured)
    contexts = sorted({*CONTEXT_LENS, *(cache.row.context_len for cache in measured)})
    with above:
        _show_figure(settings, contexts, measured, ceilings)
        show_guess(other_format_guess(settings))
        show_deepseek_staircase()
    own = settings.own_variant
    show_parts(f"What {own} keeps", settings.parts(own), settings.workload(settings.context_len))
    if place := panels.folded("The numbers", "growth_unfolded"):
        with place:
            table = tables.growth_table(settings, contexts)
            panels.show_small_table(table, ("formula",))
            panels.show_downloads("kv_cache", {"csv": table.csv})


def _show_figure(
    settings: ModelSettings,
    contexts: Sequence[int],
    measured: Sequence[CacheRow],
    ceilings: Sequence[Device],
) -> None:
    growth = cache_growth_data(settings, contexts, measured, ceilings)
    evidence = ["formula", *(["published"] if ceilings else [])]
    panels.show_figure(
        cache_growth(growth),
        CHART,
        sentences.cache_answer(settings),
        [*evidence, *(["measured here"] if measured else [])],
        f"{sentences.full_device_sentence(growth.crossings, settings.context_len)} {CLICK_HINT}",
        on_select=partial(take_context, CHART),
    )
