"""Parts of the page on capacity: answer, numbers, figure and tables, or what is missing."""

from __future__ import annotations

from functools import partial

from dashboard.controls.capacity import show_gpus_button
from dashboard.controls.context_click import CLICK_HINT, take_context
from dashboard.controls.weights import show_weights_offers
from dashboard.data.capacity import Plan, sequence_curves
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.report import capacity_sentences as sentences
from dashboard.report.capacity_tables import plan_table, sequences_table
from dashboard.settings.options import CONTEXT_LENS
from dashboard.shell import panels
from dashboard.views.allocation import show_allocation
from dashboard.views.engine_log import show_engine_log

CHART = "sequences"


def show_capacity(plan: Plan) -> None:
    """Draw what fits; without the size of the weights, what has to be typed and nothing else."""
    if missing := sentences.missing_sentence(plan):
        panels.show_notice(missing)
        show_weights_offers()
    else:
        _show_answer(plan)
        _show_tables(plan)
    show_allocation(plan)
    show_engine_log(plan)


def _show_answer(plan: Plan) -> None:
    """The answer with its figure, or why the weights do not fit."""
    if error := sentences.weights_error(plan):
        panels.show_notice(error)
        show_gpus_button(plan)
        panels.show_strip(sentences.metrics(plan))
        return
    panels.show_answer(sentences.answer(plan))
    panels.show_strip(sentences.metrics(plan))
    panels.show_figure(
        sequences_vs_context(sequence_curves(plan, CONTEXT_LENS)),
        CHART,
        sentences.answer(plan),
        _evidence(plan),
        " ".join([*sentences.notes(plan), CLICK_HINT]),
        on_select=partial(take_context, CHART),
    )


def _show_tables(plan: Plan) -> None:
    """All answers for each variant, and the sequences that fit by context, both folded."""
    if place := panels.folded("All variants", "plan_unfolded"):
        with place:
            table = plan_table(plan)
            panels.show_small_table(table, _evidence(plan))
            panels.show_downloads("capacity", {"csv": table.csv})
    if place := panels.folded("Sequences that fit, by context", "sequences_unfolded"):
        with place:
            by_context = sequences_table(plan, CONTEXT_LENS)
            alt = "Sequences that fit at each context"
            panels.show_table(by_context, "by_context", alt, _evidence(plan))
            panels.show_downloads("sequences", {"csv": by_context.csv})


def _evidence(plan: Plan) -> tuple[str, ...]:
    return ("formula", "published") if plan.gpu_source else ("formula",)
