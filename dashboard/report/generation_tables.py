"""Tables of generations with and without a cache, and of caches that grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dashboard.data.generation import Series, appends
from dashboard.report.columns import COUNT, KIB, MIB, MS, US, Column, Table
from gqa_core import units
from gqa_core.records.kinds import GrowthRecord
from gqa_core.records.quartiles import Quartiles
from gqa_core.records.specs.growth import POLICIES, Policy
from gqa_core.theory.fit import EXPECTED_EXPONENTS, PowerFit


@dataclass(frozen=True, slots=True)
class TimedLength:
    """One length of a series: quartiles of the step that adds token n, and all steps up to it."""

    series: Series
    length: int
    step: Quartiles
    total: float


def exponent_table(all_series: Sequence[Series]) -> Table[Series]:
    """One row per part and mode: the fitted exponents, their errors, and the theory's."""
    return Table(EXPONENTS, all_series)


def time_table(all_series: Sequence[Series]) -> Table[TimedLength]:
    """One row per part, mode and length: the step with its spread, and all steps up to it."""
    return Table(TIMES, list(_timed_lengths(all_series)))


def growth_table(records: Mapping[Policy, GrowthRecord]) -> Table[GrowthRecord]:
    """One row per policy: appends at both ends, all of them, the peak, and unused slots."""
    rows = [records[policy] for policy in POLICIES if policy in records]
    lengths = rows[0].workload.context_lens if rows else ()
    columns: tuple[Column[GrowthRecord], ...] = (
        Column("Policy", _policy),
        *(_append_column(lengths[end], end) for end in (0, -1) if lengths),
        Column[GrowthRecord]("All appends", lambda record: record.totals_s.append[-1], MS),
        Column[GrowthRecord]("Cache, formula", lambda record: record.memory.formula_bytes, MIB),
        Column[GrowthRecord]("Tensors at the end", lambda record: record.memory.tensor_bytes, MIB),
        Column[GrowthRecord]("Peak", lambda record: record.memory.peak_bytes, MIB),
        Column[GrowthRecord]("Worst waste", lambda record: record.worst_waste_bytes, KIB),
    )
    return Table(columns, rows)


def _policy(record: GrowthRecord) -> str:
    block = record.block_len
    return f"{record.policy}, blocks of {block}" if block else record.policy


def _append_column(context_len: int, end: int) -> Column[GrowthRecord]:
    return Column(f"Append at {context_len}", lambda record: appends(record)[end].median, US)


def _timed_lengths(all_series: Sequence[Series]) -> Iterator[TimedLength]:
    for series in all_series:
        for timed in zip(series.lengths, series.steps, series.totals, strict=True):
            yield TimedLength(series, *timed)


def _fitted(fit: PowerFit | None) -> str:
    return "-" if fit is None else units.exponent(fit.exponent, fit.standard_error)


def _expected(series: Series) -> tuple[str, str]:
    powers = EXPECTED_EXPONENTS[series.mode, series.part]
    return str(powers.step), str(powers.total)


EXPONENTS = (
    Column[Series]("Part", lambda series: series.name),
    Column[Series]("Step exponent, fitted", lambda series: _fitted(series.step_fit)),
    Column[Series]("Step exponent, theory", lambda series: _expected(series)[0]),
    Column[Series]("Total exponent, fitted", lambda series: _fitted(series.total_fit)),
    Column[Series]("Total exponent, theory", lambda series: _expected(series)[1]),
    Column[Series](
        "Fitted from n", lambda series: series.step_fit.first if series.step_fit else None, COUNT
    ),
    Column[Series](
        "Fitted to n", lambda series: series.step_fit.last if series.step_fit else None, COUNT
    ),
)

TIMES = (
    Column[TimedLength]("Part", lambda timed: timed.series.name),
    Column[TimedLength]("Token n", lambda timed: timed.length, COUNT),
    Column[TimedLength]("Step", lambda timed: timed.step.median, MS),
    Column[TimedLength]("Step IQR", lambda timed: timed.step.iqr, MS),
    Column[TimedLength]("Total", lambda timed: timed.total, MS),
)
