"""Metrics and the answer of a search for crossovers."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.crossover import Comparisons
from dashboard.data.decode_rows import row_label
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.report.decode_sentences import LEFT_OUT, listed, rates_name
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.records.crossover import crossover
from gqa_core.records.crossover_text import describe_contexts, describe_contexts_briefly


def metrics(comparisons: Comparisons) -> list[Metric]:
    """Per variant, the contexts at which its step beats MHA, and on attending alone.

    Naive MLA, which nobody serves, is left out.
    """
    return [
        Metric(
            name,
            describe_contexts_briefly(crossover(results, "step")),
            f"attending alone: {describe_contexts_briefly(crossover(results, 'attend'))}",
            results[0].own.variant,
        )
        for name, results in comparisons.items()
        if row_label(results[0].own) != LEFT_OUT
    ]


def answer(comparisons: Comparisons) -> str:
    """The contexts at which the whole step of each variant is faster, equal ones together."""
    by_contexts: dict[str, list[str]] = {}
    for name, results in comparisons.items():
        if row_label(results[0].own) != LEFT_OUT:
            contexts = describe_contexts(crossover(results, "step"))
            by_contexts.setdefault(contexts, []).append(name)
    parts = [f"{listed(names)} {contexts}" for contexts, names in by_contexts.items()]
    return f"A whole step is faster than MHA's with {'; with '.join(parts)}."


def predicted_metrics(predicted: PredictedSteps) -> list[Metric]:
    """Per variant, its predicted step over MHA's at the shortest and the longest context."""
    first, last = predicted.context_lens[0], predicted.context_lens[-1]
    return [
        Metric(
            name,
            f"{units.times(ratios[-1])} MHA's step",
            f"at {last:,} tokens; {units.times(ratios[0])} at {first:,}",
            name,
        )
        for name, ratios in predicted.step_ratios().items()
    ]


def predicted_answer(predicted: PredictedSteps) -> str:
    """The contexts from which each variant's predicted step is faster than MHA's."""
    parts = [
        f"{name} {_predicted_from(predicted.context_lens, ratios)}"
        for name, ratios in predicted.step_ratios().items()
    ]
    return (
        f"Predicted, not measured: a whole step is faster than MHA's with {listed(parts)}. From "
        f"{rates_name(predicted)}."
    )


def _predicted_from(context_lens: Sequence[int], ratios: Sequence[float]) -> str:
    """The contexts at which a predicted ratio stays below 1."""
    first = next(
        (n for i, n in enumerate(context_lens) if all(ratio < 1 for ratio in ratios[i:])), None
    )
    if first is None:
        return f"not up to {context_lens[-1]:,} tokens"
    return "at every context" if first == context_lens[0] else f"from {first:,} tokens on"
