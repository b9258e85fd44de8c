"""The search that the crossover page shows, and contexts that represent it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dashboard.data.decode_rows import Row, matching, row_label
from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.variants import LABELS
from gqa_core.records.crossover import (
    N_INITIAL_CONTEXTS,
    QUANTITIES,
    PairedResult,
    crossover,
    search_rows,
    undisturbed,
)
from gqa_core.theory.cost import attended_dims

__all__ = [
    "N_INITIAL_CONTEXTS",
    "Comparisons",
    "is_unusable",
    "latest_search",
    "representative_contexts",
    "work_ratio",
]

Comparisons = Mapping[str, Sequence[PairedResult]]


def latest_search(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows of the newest search with these settings, by context and in the variants' order."""
    searched = search_rows(matching(rows, settings), settings.context_len)
    return sorted(searched, key=lambda row: (row.context_len, LABELS.index(row_label(row))))


def is_unusable(comparisons: Comparisons) -> bool:
    """True if there are comparisons, and other work disturbed each of them."""
    all_results = [result for results in comparisons.values() for result in results]
    return bool(all_results) and not undisturbed(all_results)


def representative_contexts(comparisons: Comparisons) -> list[int]:
    """The shortest context, one where a variant crosses over (else the middle), and the longest.

    Only undisturbed contexts count if there are any.
    """
    all_results = [result for results in comparisons.values() for result in results]
    disturbed = {result.context_len for result in all_results if not result.is_valid}
    measured = sorted({result.context_len for result in all_results})
    contexts = [length for length in measured if length not in disturbed] or measured
    crossed = (
        bracket[1]
        for quantity in QUANTITIES
        for results in comparisons.values()
        if (bracket := crossover(results, quantity).bracket)
    )
    middle = next((n for n in crossed if n in contexts), contexts[len(contexts) // 2])
    return sorted({contexts[0], middle, contexts[-1]})


def work_ratio(settings: DecodeSettings) -> float:
    """FLOP of an absorbed MLA head per cached token, over those of an MHA head."""
    mla, mha = (sum(attended_dims(settings.variants[name])) for name in ("MLA", "MHA"))
    return mla / mha
