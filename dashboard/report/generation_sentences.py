"""Sentences and numbers of the page Why a cache: counted first, measured where that is sound."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data import generation
from dashboard.data.cached_work import CachedWork
from dashboard.data.generation import Generations, Series
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.records.header import Evidence
from gqa_core.records.specs.generate import MODES


def work_answer(work: CachedWork) -> str:
    """The answer by formula: the cells of one step and of all of them, with and without a cache."""
    n = work.context_len
    cells = {mode: work.cells[mode][-1] for mode in MODES}
    return (
        f"Token {n} needs **{cells['cached']:,} score cells with a cache** and "
        f"**{cells['recomputed']:,} without**, {units.times(work.step_ratio)} as many. "
        "One step grows linearly with a cache and quadratically without."
    )


def measured_sentence(records: Generations, context_len: int, evidence: Evidence) -> str:
    """The times of both modes up to `context_len`, in one sentence."""
    cached, recomputed = (generation.total_s(records.by_mode[mode], context_len) for mode in MODES)
    verb = evidence.capitalize()
    return (
        f"{verb}: {units.count(context_len, 'token')} took {units.duration(cached)} with the cache "
        f"and {units.duration(recomputed)} without, {units.times(recomputed / cached)} as long."
    )


def doubt_sentence(doubts: Sequence[str]) -> str:
    """The reason why measured times are not part of the answer."""
    return f"Other work disturbed this run, so its times are not an answer: {doubts[0]}. Run again."


def work_metrics(work: CachedWork, cache_bytes: int) -> list[Metric]:
    """The last step and all steps as ratios, and the memory that they cost."""
    n = work.context_len
    return [
        Metric(f"Step {n}, with a cache", f"{work.cells['cached'][-1]:,}", "score cells"),
        Metric(f"Step {n}, without", f"{work.cells['recomputed'][-1]:,}", "score cells"),
        Metric(f"All {n} steps", units.times(work.total_ratio), "the cells without a cache"),
        Metric("The price", units.decimal(cache_bytes), f"of cache at {n} tokens"),
    ]


def takeaway(all_series: Sequence[Series], quantity: str) -> str:
    """The fitted powers of "step" or "total" times."""
    fits = {series.name: getattr(series, f"{quantity}_fit") for series in all_series}
    powers = "; ".join(f"{name}: n^{fit.exponent:.2f}" for name, fit in fits.items() if fit)
    return f"Fitted growth with tokens: {powers}."


def work_takeaway(work: CachedWork) -> str:
    """The picture of the work in a sentence, for who cannot see it."""
    return (
        f"Score cells of step n up to {work.context_len}: a straight line with a cache, a parabola "
        f"without, {units.times(work.step_ratio)} as high at its end."
    )
