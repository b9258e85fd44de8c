"""From which context sharing pays: answer, strip, ratios over MHA, and the parts of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.data import crossover
from dashboard.data import decode_rows as tables
from dashboard.data.decode_rows import Row
from dashboard.data.decode_view import DecodeSources, DecodeView
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.figures.phase_breakdown import phase_breakdown
from dashboard.figures.ratio_vs_context import ratio_vs_context
from dashboard.report import crossover_metrics
from dashboard.report.crossover_tables import crossover_table
from dashboard.report.decode_sentences import source_sentence
from dashboard.shell import panels
from dashboard.shell.widgets import Segmented
from dashboard.views.decode_results import (
    figure_evidence,
    rates_caption,
    show_every_point,
    show_nothing,
    show_point_downloads,
)
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core.records.crossover import Quantity, pair_with_mha, search_contexts
from gqa_core.records.crossover_text import crossover_sentences

COMPARED: Mapping[str, Quantity] = {"whole step": "step", "attending alone": "attend"}


def quantity_control() -> Quantity:
    """The time that is compared with MHA's: that of a whole step, or of attending."""
    name = Segmented(
        key="compared",
        label="Compare",
        options=tuple(COMPARED),
        default=next(iter(COMPARED)),
    ).show()
    return COMPARED[name]


def show_crossovers(sources: DecodeSources, quantity: Quantity, top: DeltaGenerator) -> None:
    """Draw from which context each variant beats MHA: the answer into `top`, the rest here."""
    view, predicted = sources.searches(), sources.predicted()
    pairs = pair_with_mha(view.rows)
    with top:
        _show_answer(view.rows, pairs, predicted, is_running=sources.is_running)
    sentences = crossover_sentences(view.rows)
    panels.show_figure(
        ratio_vs_context(
            pairs,
            quantity,
            search_contexts(sources.settings.context_len),
            predicted=predicted,
            reference=pair_with_mha(view.reference_rows),
        ),
        "ratio_vs_context",
        " ".join(sentences) or "Predicted times over MHA's, by context.",
        figure_evidence(view, predicted),
        rates_caption(predicted),
    )
    if pairs:
        _show_details(view, pairs, sentences)


def _show_answer(
    rows: Sequence[Row],
    pairs: crossover.Comparisons,
    predicted: PredictedSteps | None,
    *,
    is_running: bool,
) -> None:
    """Draw answer and strip, or why there are none."""
    if crossover.is_unusable(pairs):
        show_unusable("No crossovers.", rows)
    elif pairs:
        answer = f"{crossover_metrics.answer(pairs)} {source_sentence(rows)}"
        panels.show_answer(panels.escape_markdown(answer))
        show_verdict(tables.usable(rows))
        panels.show_strip(crossover_metrics.metrics(pairs))
    elif predicted is not None:
        panels.show_answer(panels.escape_markdown(crossover_metrics.predicted_answer(predicted)))
        panels.show_strip(crossover_metrics.predicted_metrics(predicted))
    else:
        show_nothing(is_running=is_running)


def _show_details(view: DecodeView, pairs: crossover.Comparisons, sentences: Sequence[str]) -> None:
    """Draw why a variant loses below its crossover, and every point, folded."""
    rows = view.rows
    if place := panels.folded("What a step consists of", "phases_unfolded"):
        with place:
            st.markdown(
                "\n".join(f"* {panels.escape_markdown(sentence)}" for sentence in sentences)
            )
            contexts = crossover.representative_contexts(pairs)
            panels.show_figure(
                phase_breakdown([row for row in rows if row.context_len in contexts]),
                "phase_breakdown",
                f"Phases of a step at {', '.join(map(str, contexts))} tokens, as in the table.",
                view.evidence[:1],
            )
    alt = "Step and attend of each variant relative to MHA"
    show_every_point(rows, crossover_table, "crossover", alt)
    show_doubts(rows)
    show_point_downloads("crossover", rows, crossover_table)
