"""The table of a search for crossovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.data.decode_rows import Row
from dashboard.report.columns import (
    COUNT,
    FLAG,
    GB_PER_S,
    MS,
    PERCENT,
    SPEED,
    TEXT,
    UTC,
    Column,
    Table,
    Unit,
)
from dashboard.report.decode_tables import timestamp
from gqa_core.records.crossover import (
    QUANTITIES,
    PairedResult,
    Quantity,
    attend_share,
    pair_with_mha,
    times,
)


@dataclass(frozen=True, slots=True)
class SearchedRow:
    """A row of a search, and its comparison with MHA; None for MHA itself and unpaired rows."""

    row: Row
    result: PairedResult | None


def crossover_table(rows: Sequence[Row]) -> Table[SearchedRow]:
    """One row per measured point: its step and attend beside MHA's, and its phases."""
    results = {
        (result.own.record.run_id, result.own.record.point): result
        for paired in pair_with_mha(rows).values()
        for result in paired
    }
    searched = [
        SearchedRow(row, results.get((row.record.run_id, row.record.point))) for row in rows
    ]
    return Table(COLUMNS, searched)


def _quantity_columns(quantity: Quantity) -> tuple[Column[SearchedRow], ...]:
    def ratio(searched: SearchedRow) -> float | None:
        return searched.result.ratio(quantity).median if searched.result else None

    def is_win(searched: SearchedRow) -> bool | None:
        return searched.result.is_win(quantity) if searched.result else None

    def median(searched: SearchedRow) -> float:
        return times(searched.row, quantity).median

    name = quantity.capitalize()
    return (
        Column(name, lambda searched: times(searched.row, quantity).p5, MS),
        Column(f"{name}, median", median, MS),
        Column(f"{name} time vs MHA", ratio, SPEED),
        Column(f"{name} wins", is_win, FLAG),
    )


def _measured(title: str, value: Callable[[Row], object], unit: Unit = TEXT) -> Column[SearchedRow]:
    return Column(title, lambda searched: value(searched.row), unit)


COLUMNS: tuple[Column[SearchedRow], ...] = (
    _measured("Variant", lambda row: row.variant_name),
    _measured("Context", lambda row: row.context_len, COUNT),
    *(column for quantity in QUANTITIES for column in _quantity_columns(quantity)),
    _measured("Project", lambda row: row.project.p5, MS),
    _measured("Append", lambda row: row.append.p5, MS),
    _measured("Output", lambda row: row.output.p5, MS),
    _measured("Attend share of phases", attend_share, PERCENT),
    _measured("Kernel ran", lambda row: row.record.kernel_ran),
    _measured("Read bandwidth", lambda row: row.record.read_bandwidth_bytes_per_s, GB_PER_S),
    _measured("Verdict", lambda row: row.verdict.name),
    _measured("When", lambda row: timestamp(row.record.created_at), UTC),
    _measured("Warnings", lambda row: "; ".join(row.record.warnings)),
)
