"""What the page of crossovers makes of the log's rows: the search it shows, and its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from dashboard.data.decode_rows import Row, matching
from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.variants import LABELS
from gqa_core import units
from gqa_core.theory.cost import attended_dims
from gqa_core.theory.crossover import (
    QUANTITIES,
    PairedResult,
    attend_share,
    crossover,
    pair_with_mha,
    search_rows,
    variant_name,
)
from gqa_core.theory.crossover_text import where, where_shortly

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


def metrics(fought: Comparisons) -> list[tuple[str, str, str]]:
    """For each variant where it beats MHA on the step, and below it on attending alone."""
    return [
        (
            name,
            where_shortly(crossover(mine, "step")),
            f"on attending alone: {where_shortly(crossover(mine, 'attend'))}",
        )
        for name, mine in fought.items()
    ]


def answer(fought: Comparisons) -> str:
    """The one-line answer: the whole step of each variant."""
    said = "; ".join(f"{name} {where(crossover(mine, 'step'))}" for name, mine in fought.items())
    return f"A whole step is faster than MHA's: {said}."


def crossover_table(rows: Sequence[Row]) -> pd.DataFrame:
    """One line a measured point: its step and attend beside MHA's, and its phases."""
    known = {
        (duel.own["run_id"], duel.own["point"]): duel
        for mine in pair_with_mha(rows).values()
        for duel in mine
    }
    return pd.DataFrame([_line(row, known.get((row["run_id"], row["point"]))) for row in rows])


def work_ratio(settings: DecodeSettings) -> float:
    """How many times the FLOP of an MHA head an absorbed MLA head spends on a cached token."""
    mla, mha = (sum(attended_dims(settings.variants[name])) for name in ("MLA", "MHA"))
    return mla / mha


def _line(row: Row, duel: PairedResult | None) -> dict[str, object]:
    line = {"Variant": variant_name(row), "Context": row["context_len"]}
    for quantity in QUANTITIES:
        name = quantity.capitalize()
        line |= {
            f"{name} (ms)": 1e3 * row[f"{quantity}_s"],
            f"{name} IQR (ms)": 1e3 * (row[f"{quantity}_q3_s"] - row[f"{quantity}_q1_s"]),
            f"{name} time vs MHA": duel.ratio(quantity)[1] if duel else None,
            f"{name} wins": duel.is_win(quantity) if duel else None,
        }
    return line | {
        "Project (ms)": 1e3 * row["project_s"],
        "Append (ms)": 1e3 * row["append_s"],
        "Output (ms)": 1e3 * row["output_s"],
        "Attend share of phases (%)": 100 * attend_share(row),
        "Kernel ran": row["kernel_ran"],
        "Read bandwidth (GB/s)": row["read_bandwidth_bytes_per_s"] / units.GB,
        "Disturbed": not duel.is_valid if duel else None,
        "When (UTC)": row["created_at"][:19].replace("T", " "),
        "Warnings": "; ".join(row["warnings"]),
    }
