"""What is measured of generating with and without a cache, and of caches that grow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.data import generation
from dashboard.figures.generation_time import step_vs_tokens, total_vs_tokens
from dashboard.figures.growth_time import append_vs_tokens
from dashboard.report.generation_tables import exponent_table, growth_table, time_table
from dashboard.settings.measurement import GenerationSettings
from dashboard.shell import loaders, panels
from gqa_core import units
from gqa_core.records.record import Record
from gqa_core.records.run_log import RunLogError
from gqa_core.records.specs.generate import MODES, GenerateSpec

ASKED = "Nothing is measured on this device for these settings yet. Press **Run**."


def found_records(
    settings: GenerationSettings, device: Mapping[str, Any], held: Sequence[Record]
) -> dict[str, Record]:
    """The newest record of each way and policy for these settings, from the log and from `held`."""
    try:
        logged = [*loaders.logged_records("generate"), *loaders.logged_records("growth")]
    except RunLogError as error:
        st.warning(f"The {error}.")
        logged = []
    return generation.matching([*logged, *held], settings, device)


def show_generation(settings: GenerationSettings, records: Mapping[str, Record]) -> None:
    """Metrics, two charts and the fitted exponents of the ways that are measured."""
    found = generation.series(records)
    if not found:
        st.info(ASKED)
        return
    panels.show_evidence("measured here", "fit", "formula")
    _show_metrics(settings, records)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("The step that adds token n")
        panels.show_figure(step_vs_tokens(found), "step_vs_tokens", _takeaway(found, "step"))
    with right:
        st.subheader("All n tokens")
        panels.show_figure(total_vs_tokens(found), "total_vs_tokens", _takeaway(found, "total"))
    st.subheader("Fitted exponents, and the theory's")
    table = exponent_table(found)
    panels.show_table(table, "exponents", "Fitted exponents with standard errors, and the theory's")
    lines = [json.dumps(records[way]) for way in MODES if way in records]
    panels.show_downloads(
        "generation",
        {
            "csv": time_table(found).csv,
            "jsonl": lambda: "\n".join(lines) + "\n",
        },
    )


def show_growth(records: Mapping[str, Record]) -> None:
    """The chart and table of the policies that are measured."""
    grown = {name: record for name, record in records.items() if name not in MODES}
    if not grown:
        st.info(ASKED)
        return
    panels.show_evidence("measured here", "formula")
    table = growth_table(grown)
    takeaway = ", ".join(
        f"{name}: {units.duration(record['totals_s']['append'][-1])}"
        for name, record in grown.items()
    )
    panels.show_figure(append_vs_tokens(grown), "append_vs_tokens", f"All appends: {takeaway}.")
    panels.show_table(table, "growth", "Time, peak memory and waste of each growth policy")
    lines = [json.dumps(record) for record in grown.values()]
    panels.show_downloads(
        "growth",
        {"csv": table.csv, "jsonl": lambda: "\n".join(lines) + "\n"},
    )


def show_answer(settings: GenerationSettings, records: Mapping[str, Record]) -> None:
    """One line, from what was measured; nothing until both ways are."""
    if not all(way in records for way in MODES):
        return
    n = settings.context_len
    cached, recomputed = (generation.total_s(records[way], n) for way in MODES)
    powers = {
        one.mode: units.exponent(one.step_fit.exponent, one.step_fit.standard_error)
        for one in generation.series(records)
        if one.part == "attention" and one.step_fit
    }
    st.success(
        f"**Answer.** {n} tokens took {units.duration(cached)} with the cache and "
        f"{units.duration(recomputed)} without, {units.times(recomputed / cached)} as long. "
        f"The step's attention grew as n^{powers['cached']} with it and n^{powers['recomputed']} "
        f"without; the cache that buys this holds {units.capacity(_cache_bytes(settings))}."
    )


def _show_metrics(settings: GenerationSettings, records: Mapping[str, Record]) -> None:
    n = settings.context_len
    metrics = [
        (
            f"{n} tokens, {generation.MODE_NAMES[way]}",
            units.duration(generation.total_s(records[way], n)),
            "measured here",
        )
        for way in MODES
        if way in records
    ]
    metrics.append((f"Cache at {n} tokens", units.capacity(_cache_bytes(settings)), "formula"))
    if all(way in records for way in MODES):
        apart = generation.largest_difference(records)
        metrics.append(
            ("Same tokens both ways", f"{apart:.1g} apart", "measured, of numbers near 1")
        )
    panels.show_metrics(metrics)


def _cache_bytes(settings: GenerationSettings) -> int:
    point = GenerateSpec(
        mode="cached",
        attention=settings.attention,
        context_lens=(settings.context_len,),
        n_layers=settings.n_layers,
    )
    return point.formula_bytes


def _takeaway(found: Sequence[generation.Series], what: str) -> str:
    fits = {one.name: getattr(one, f"{what}_fit") for one in found}
    powers = "; ".join(f"{name}: n^{fit.exponent:.2f}" for name, fit in fits.items() if fit)
    return f"Fitted growth with tokens: {powers}."
