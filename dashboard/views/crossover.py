"""What a search for crossovers found: metrics, both figures, sentences, the table and an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.data import crossover
from dashboard.data import decode_rows as tables
from dashboard.data.decode_rows import Row
from dashboard.figures.phase_breakdown import phase_breakdown
from dashboard.figures.ratio_vs_context import ratio_vs_context
from dashboard.report import crossover_metrics
from dashboard.report.crossover_tables import crossover_table
from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import panels
from dashboard.views.decode_results import (
    merge_with_log,
    show_every_point,
    show_point_downloads,
    show_warning_count,
)
from gqa_core.records.record import Record
from gqa_core.theory.crossover import pair_with_mha, search_contexts
from gqa_core.theory.crossover_text import crossover_sentences

COMPARED = {"The whole step": "step", "Attending alone": "attend"}


def found_rows(
    settings: DecodeSettings, device: Mapping[str, Any], held: Sequence[Record]
) -> list[Row]:
    """The rows of this device's newest search for these settings, from the log and from `held`."""
    return crossover.latest_search(tables.measured_on(merge_with_log(held), device), settings)


def show_crossovers(settings: DecodeSettings, rows: Sequence[Row]) -> None:
    """From where each variant wins, and why not below, or that nothing is measured yet."""
    fought = pair_with_mha(rows)
    if not fought:
        st.info("Nothing is searched for on this device with these settings. Press **Run**.")
        return
    panels.show_evidence("measured here", "formula")
    st.caption("Contexts (tokens) at which a whole step is faster than MHA's")
    panels.show_metrics(crossover_metrics.metrics(fought))
    compared = st.segmented_control(
        "Compare", list(COMPARED), default=next(iter(COMPARED)), required=True, key="compared"
    )
    sentences = crossover_sentences(rows)
    panels.show_figure(
        ratio_vs_context(fought, COMPARED[compared], search_contexts(settings.context_len)),
        "ratio_vs_context",
        " ".join(sentences),
    )
    st.markdown("\n".join(f"* {panels.escape_markdown(sentence)}" for sentence in sentences))
    st.subheader("What a step consists of")
    contexts = crossover.representative_contexts(fought)
    panels.show_figure(
        phase_breakdown([row for row in rows if row["context_len"] in contexts]),
        "phase_breakdown",
        f"Phases of a step at {', '.join(map(str, contexts))} tokens, as in the table.",
    )
    _show_table(rows)


def show_answer(rows: Sequence[Row]) -> None:
    """One line, from what was measured; nothing until something is."""
    if fought := pair_with_mha(rows):
        st.success(f"**Answer.** {panels.escape_markdown(crossover_metrics.answer(fought))}")


def _show_table(rows: Sequence[Row]) -> None:
    table_of, says = crossover_table, "Each variant's step and attend against MHA's"
    show_every_point(rows, table_of, "crossover", says)
    show_warning_count(rows)
    show_point_downloads("crossover", rows, table_of)
