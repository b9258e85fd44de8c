"""Measurements of generation with and without a cache, and of caches that grow."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data import generation
from dashboard.data.generation import Generations
from dashboard.figures.generation_time import step_vs_tokens, total_vs_tokens
from dashboard.figures.growth_time import append_vs_tokens
from dashboard.report.generation_tables import exponent_table, growth_table, time_table
from dashboard.report.metric import Metric
from dashboard.settings.measurement import GenerationSettings
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from gqa_core import units
from gqa_core.records.header import Device
from gqa_core.records.kinds import Record, encode_record
from gqa_core.records.specs.generate import MODES, GenerateSpec

NOTHING_MEASURED = "Nothing is measured on this device for these settings yet. Press **Run**."


def generation_records(
    settings: GenerationSettings, device: Device, live_records: Sequence[Record]
) -> Generations:
    """The newest record of each mode and growth policy, from the log and this run."""
    logged = read_log(
        lambda: (*loaders.logged_records("generate"), *loaders.logged_records("growth")), ()
    )
    return generation.matching([*logged, *live_records], settings, device)


def show_generation(settings: GenerationSettings, records: Generations) -> None:
    """Draw metrics, two charts and the fitted exponents of the measured modes."""
    all_series = generation.series(records.by_mode)
    if not all_series:
        st.info(NOTHING_MEASURED)
        return
    panels.show_evidence("measured here", "fit", "formula")
    _show_metrics(settings, records)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("The step that adds token n")
        panels.show_figure(
            step_vs_tokens(all_series), "step_vs_tokens", _takeaway(all_series, "step")
        )
    with right:
        st.subheader("All n tokens")
        panels.show_figure(
            total_vs_tokens(all_series), "total_vs_tokens", _takeaway(all_series, "total")
        )
    st.subheader("Fitted and theoretical exponents")
    table = exponent_table(all_series)
    panels.show_table(table, "exponents", "Exponents: fitted with standard errors, and theoretical")
    lines = [encode_record(record) for record in records.by_mode.values()]
    panels.show_downloads(
        "generation",
        {
            "csv": time_table(all_series).csv,
            "jsonl": lambda: "\n".join(lines) + "\n",
        },
    )


def show_growth(records: Generations) -> None:
    """Draw the chart and table of the measured growth policies."""
    by_policy = records.by_policy
    if not by_policy:
        st.info(NOTHING_MEASURED)
        return
    panels.show_evidence("measured here", "formula")
    table = growth_table(by_policy)
    takeaway = ", ".join(
        f"{name}: {units.duration(record.totals_s.append[-1])}"
        for name, record in by_policy.items()
    )
    panels.show_figure(append_vs_tokens(by_policy), "append_vs_tokens", f"All appends: {takeaway}.")
    panels.show_table(table, "growth", "Time, peak memory and waste of each growth policy")
    lines = [encode_record(record) for record in by_policy.values()]
    panels.show_downloads(
        "growth",
        {"csv": table.csv, "jsonl": lambda: "\n".join(lines) + "\n"},
    )


def show_answer(settings: GenerationSettings, records: Generations) -> None:
    """Draw the answer if both modes are measured."""
    if not records.is_complete:
        return
    n = settings.context_len
    cached, recomputed = (generation.total_s(records.by_mode[mode], n) for mode in MODES)
    powers = {
        series.mode: units.exponent(series.step_fit.exponent, series.step_fit.standard_error)
        for series in generation.series(records.by_mode)
        if series.part == "attention" and series.step_fit
    }
    cache_size = units.capacity(_cache_bytes(settings))
    st.success(
        f"**Answer.** {n} tokens took {units.duration(cached)} with the cache and "
        f"{units.duration(recomputed)} without, {units.times(recomputed / cached)} as long. "
        f"The attention of one step grew as n^{powers['cached']} with the cache and as "
        f"n^{powers['recomputed']} without. The cache takes {cache_size}."
    )


def _show_metrics(settings: GenerationSettings, records: Generations) -> None:
    n = settings.context_len
    metrics = [
        Metric(
            f"{n} tokens, {generation.MODE_NAMES[mode]}",
            units.duration(generation.total_s(record, n)),
            "measured here",
        )
        for mode, record in records.by_mode.items()
    ]
    metrics.append(
        Metric(f"Cache at {n} tokens", units.capacity(_cache_bytes(settings)), "formula")
    )
    if records.is_complete:
        difference = generation.largest_difference(records.by_mode)
        metrics.append(
            Metric("Difference of the outputs", f"{difference:.1g}", "measured, for numbers near 1")
        )
    panels.show_strip(metrics)


def _cache_bytes(settings: GenerationSettings) -> int:
    point = GenerateSpec(
        mode="cached",
        attention=settings.attention,
        context_lens=(settings.context_len,),
        n_layers=settings.n_layers,
    )
    return point.formula_bytes


def _takeaway(all_series: Sequence[generation.Series], quantity: str) -> str:
    fits = {series.name: getattr(series, f"{quantity}_fit") for series in all_series}
    powers = "; ".join(f"{name}: n^{fit.exponent:.2f}" for name, fit in fits.items() if fit)
    return f"Fitted growth with tokens: {powers}."
