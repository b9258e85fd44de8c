"""Metrics and the answer of a search for crossovers."""

from __future__ import annotations

from dashboard.data.crossover import Comparisons
from dashboard.report.metric import Metric
from gqa_core.records.crossover import crossover
from gqa_core.records.crossover_text import describe_contexts, describe_contexts_briefly


def metrics(comparisons: Comparisons) -> list[Metric]:
    """Per variant, the contexts at which its step beats MHA, and on attending alone."""
    return [
        Metric(
            name,
            describe_contexts_briefly(crossover(results, "step")),
            f"on attending alone: {describe_contexts_briefly(crossover(results, 'attend'))}",
            name.replace("-", " ").partition(" ")[0],
        )
        for name, results in comparisons.items()
    ]


def answer(comparisons: Comparisons) -> str:
    """The one-line answer: at which contexts the whole step of each variant is faster."""
    parts = "; ".join(
        f"{name} {describe_contexts(crossover(results, 'step'))}"
        for name, results in comparisons.items()
    )
    return f"A whole step is faster than MHA's: {parts}."
