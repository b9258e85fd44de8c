"""The work of each step with and without a cache, by formula, and measured times beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.data.generation import Series
from gqa_core.records.header import MEASURED_HERE, Evidence
from gqa_core.records.specs.generate import MODES, Mode
from gqa_core.theory.score_cells import step_cells, total_cells

N_POINTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSteps:
    """Median seconds that the attention of one step took, by length."""

    lengths: tuple[int, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedWork:
    """Score cells of step n for lengths up to `context_len`, by mode, and what was measured.

    `cells_per_s` joins cells and seconds: both say the same of the longest step without a cache. It
    is None where nothing is measured.
    """

    context_len: int
    lengths: tuple[int, ...]
    cells: Mapping[Mode, tuple[int, ...]]
    measured: Mapping[Mode, MeasuredSteps]
    cells_per_s: float | None
    evidence: Evidence = MEASURED_HERE

    @property
    def step_ratio(self) -> float:
        """Cells of the last step without a cache, over those with one."""
        return self.cells["recomputed"][-1] / self.cells["cached"][-1]

    @property
    def total_ratio(self) -> float:
        """Cells of all steps without a cache, over those with one."""
        totals = [total_cells(self.context_len, cached=cached) for cached in (False, True)]
        return totals[0] / totals[1]


def cached_work(
    context_len: int, all_series: Sequence[Series] = (), evidence: Evidence = MEASURED_HERE
) -> CachedWork:
    """The work up to `context_len` tokens; of the series, those of attention are measured."""
    lengths = tuple(
        sorted({max(1, round(context_len * index / N_POINTS)) for index in range(N_POINTS + 1)})
    )
    measured = {
        series.mode: _measured(series, context_len)
        for series in all_series
        if series.part == "attention"
    }
    longest = measured.get("recomputed")
    return CachedWork(
        context_len=context_len,
        lengths=lengths,
        cells={
            mode: tuple(step_cells(n, cached=mode == "cached") for n in lengths) for mode in MODES
        },
        measured=measured,
        cells_per_s=_cells_per_s(longest) if longest and longest.lengths else None,
        evidence=evidence,
    )


def _measured(series: Series, context_len: int) -> MeasuredSteps:
    steps = [
        (length, step.median)
        for length, step in zip(series.lengths, series.steps, strict=True)
        if length <= context_len
    ]
    return MeasuredSteps(
        lengths=tuple(length for length, _ in steps), seconds=tuple(seconds for _, seconds in steps)
    )


def _cells_per_s(measured: MeasuredSteps) -> float:
    return step_cells(measured.lengths[-1], cached=False) / measured.seconds[-1]
