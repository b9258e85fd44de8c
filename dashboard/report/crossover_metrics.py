"""Metrics and the answer of a search for crossovers."""

from __future__ import annotations

from dashboard.data.crossover import Comparisons
from gqa_core.theory.crossover import crossover
from gqa_core.theory.crossover_text import where, where_shortly


def metrics(comparisons: Comparisons) -> list[tuple[str, str, str]]:
    """(variant, contexts at which its step beats MHA, the same for attending alone)."""
    return [
        (
            name,
            where_shortly(crossover(results, "step")),
            f"on attending alone: {where_shortly(crossover(results, 'attend'))}",
        )
        for name, results in comparisons.items()
    ]


def answer(comparisons: Comparisons) -> str:
    """The one-line answer: at which contexts the whole step of each variant is faster."""
    parts = "; ".join(
        f"{name} {where(crossover(results, 'step'))}" for name, results in comparisons.items()
    )
    return f"A whole step is faster than MHA's: {parts}."
