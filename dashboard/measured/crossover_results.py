"""What a search for crossovers found: metrics, both figures, sentences, the table and an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.figures.ratio_vs_context import ratio_vs_context
from dashboard.figures.step_parts import step_parts
from dashboard.frame import panels
from dashboard.measured import crossover, tables
from dashboard.measured.results import (
    show_every_point,
    show_point_downloads,
    show_unsure,
    with_log,
)
from dashboard.measured.tables import Row
from dashboard.model.choices import DecodeChoice
from gqa_core.crossover_text import crossover_sentences
from gqa_core.measure.record import Record
from gqa_core.theory.crossover import duels, search_contexts

COMPARED = {"The whole step": "step", "Attending alone": "attend"}


def found_rows(
    choice: DecodeChoice, device: Mapping[str, Any], held: Sequence[Record]
) -> list[Row]:
    """The rows of this device's newest search for these settings, from the log and from `held`."""
    return crossover.searched(tables.of_device(with_log(held), device), choice)


def show_crossovers(choice: DecodeChoice, rows: Sequence[Row]) -> None:
    """From where each variant wins, and why not below, or that nothing is measured yet."""
    fought = duels(rows)
    if not fought:
        st.info("Nothing is searched for on this device with these settings. Press **Run**.")
        return
    panels.show_evidence("measured here", "formula")
    st.caption("Contexts (tokens) at which a whole step is faster than MHA's")
    panels.show_metrics(crossover.metrics(fought))
    compared = st.segmented_control(
        "Compare", list(COMPARED), default=next(iter(COMPARED)), required=True, key="compared"
    )
    sentences = crossover_sentences(rows)
    panels.show_figure(
        ratio_vs_context(fought, COMPARED[compared], search_contexts(choice.context_len)),
        "ratio_vs_context",
        " ".join(sentences),
    )
    st.markdown("\n".join(f"* {panels.plain(sentence)}" for sentence in sentences))
    st.subheader("What a step consists of")
    contexts = crossover.three_contexts(fought)
    panels.show_figure(
        step_parts([row for row in rows if row["context_len"] in contexts]),
        "step_parts",
        f"Phases of a step at {', '.join(map(str, contexts))} tokens, as in the table.",
    )
    _show_table(rows)


def show_answer(rows: Sequence[Row]) -> None:
    """One line, from what was measured; nothing until something is."""
    if fought := duels(rows):
        st.success(f"**Answer.** {panels.plain(crossover.answer(fought))}")


def _show_table(rows: Sequence[Row]) -> None:
    table_of, says = crossover.crossover_table, "Each variant's step and attend against MHA's"
    show_every_point(rows, table_of, "crossover", says)
    show_unsure(rows)
    show_point_downloads("crossover", rows, table_of)
