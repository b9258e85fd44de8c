"""Results of a search for crossovers: metrics, figures, sentences, table and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
)
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core.records.crossover import Quantity, pair_with_mha, search_contexts
from gqa_core.records.crossover_text import crossover_sentences
from gqa_core.records.header import Device
from gqa_core.records.kinds import Record

COMPARED: Mapping[str, Quantity] = {"The whole step": "step", "Attending alone": "attend"}


def search_rows(
    settings: DecodeSettings, device: Device, live_records: Sequence[Record]
) -> list[Row]:
    """Rows of this device's newest search with these settings, from the log and this run."""
    rows = merge_with_log(live_records)
    return crossover.latest_search(tables.measured_on(rows, device), settings)


def show_crossovers(settings: DecodeSettings, rows: Sequence[Row]) -> None:
    """Draw from which context each variant wins and why it loses below, if that was measured."""
    pairs = pair_with_mha(rows)
    if not pairs:
        st.info("No crossover was searched on this device with these settings yet. Press **Run**.")
        return
    panels.show_evidence("measured here", "formula")
    _show_metrics(rows, pairs)
    compared = st.segmented_control(
        "Compare", list(COMPARED), default=next(iter(COMPARED)), required=True, key="compared"
    )
    sentences = crossover_sentences(rows)
    panels.show_figure(
        ratio_vs_context(pairs, COMPARED[compared], search_contexts(settings.context_len)),
        "ratio_vs_context",
        " ".join(sentences),
    )
    st.markdown("\n".join(f"* {panels.escape_markdown(sentence)}" for sentence in sentences))
    st.subheader("What a step consists of")
    contexts = crossover.representative_contexts(pairs)
    panels.show_figure(
        phase_breakdown([row for row in rows if row.context_len in contexts]),
        "phase_breakdown",
        f"Phases of a step at {', '.join(map(str, contexts))} tokens, as in the table.",
    )
    _show_table(rows)


def show_answer(rows: Sequence[Row]) -> None:
    """Draw the answer if there are measurements, or why these give none."""
    pairs = pair_with_mha(rows)
    if crossover.is_unusable(pairs):
        show_unusable("No answer.", rows)
    elif pairs:
        st.success(f"**Answer.** {panels.escape_markdown(crossover_metrics.answer(pairs))}")


def _show_metrics(rows: Sequence[Row], pairs: crossover.Comparisons) -> None:
    if crossover.is_unusable(pairs):
        show_unusable("No crossovers.", rows)
        return
    show_verdict(tables.usable(rows))
    st.caption("Contexts (tokens) at which a whole step is faster than MHA's")
    panels.show_strip(crossover_metrics.metrics(pairs))


def _show_table(rows: Sequence[Row]) -> None:
    alt = "Step and attend of each variant relative to MHA"
    show_every_point(rows, crossover_table, "crossover", alt)
    show_doubts(rows)
    show_point_downloads("crossover", rows, crossover_table)
