"""What the page of crossovers makes of the log's rows: the search it shows, and its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dashboard.data.decode_rows import Row, matching
from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.variants import LABELS
from gqa_core.theory.cost import attended_dims
from gqa_core.theory.crossover import (
    QUANTITIES,
    PairedResult,
    crossover,
    search_rows,
)

Comparisons = Mapping[str, Sequence[PairedResult]]


def latest_search(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows of the search that answers the sliders, in the variants' order at each context."""
    found = search_rows(matching(rows, settings), settings.context_len)
    return sorted(found, key=lambda row: (row["context_len"], LABELS.index(row["label"])))


def representative_contexts(fought: Comparisons) -> list[int]:
    """The shortest context, one where something crosses over (else the middle), the longest.

    Of those at which nothing was disturbed, where there are any.
    """
    every = sorted({duel.context_len for mine in fought.values() for duel in mine})
    disturbed = {duel.context_len for mine in fought.values() for duel in mine if not duel.is_valid}
    contexts = [length for length in every if length not in disturbed] or every
    crossed = (
        bracket[1]
        for quantity in QUANTITIES
        for mine in fought.values()
        if (bracket := crossover(mine, quantity).bracket)
    )
    middle = next((one for one in crossed if one in contexts), contexts[len(contexts) // 2])
    return sorted({contexts[0], middle, contexts[-1]})


def work_ratio(settings: DecodeSettings) -> float:
    """How many times the FLOP of an MHA head an absorbed MLA head spends on a cached token."""
    mla, mha = (sum(attended_dims(settings.variants[name])) for name in ("MLA", "MHA"))
    return mla / mha
