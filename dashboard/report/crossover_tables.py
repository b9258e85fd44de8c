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
from gqa_core.theory.crossover import (
    QUANTITIES,
    PairedResult,
    attend_share,
    pair_with_mha,
    variant_name,
)


@dataclass(frozen=True, slots=True)
class SearchedRow:
    """A row of a search, and its comparison with MHA; None for MHA itself and unpaired rows."""

    row: Row
    result: PairedResult | None


def crossover_table(rows: Sequence[Row]) -> Table[SearchedRow]:
    """One row per measured point: its step and attend beside MHA's, and its phases."""
    results = {
        (result.own["run_id"], result.own["point"]): result
        for paired in pair_with_mha(rows).values()
        for result in paired
    }
    searched = [SearchedRow(row, results.get((row["run_id"], row["point"]))) for row in rows]
    return Table(COLUMNS, searched)


def _quantity_columns(quantity: str) -> tuple[Column[SearchedRow], ...]:
    def ratio(searched: SearchedRow) -> float | None:
        return searched.result.ratio(quantity)[1] if searched.result else None

    def is_win(searched: SearchedRow) -> bool | None:
        return searched.result.is_win(quantity) if searched.result else None

    def iqr(searched: SearchedRow) -> float:
        return searched.row[f"{quantity}_q3_s"] - searched.row[f"{quantity}_q1_s"]

    name = quantity.capitalize()
    return (
        Column(name, lambda searched: searched.row[f"{quantity}_s"], MS),
        Column(f"{name} IQR", iqr, MS),
        Column(f"{name} time vs MHA", ratio, SPEED),
        Column(f"{name} wins", is_win, FLAG),
    )


def _is_disturbed(searched: SearchedRow) -> bool | None:
    return not searched.result.is_valid if searched.result else None


def _measured(title: str, value: Callable[[Row], object], unit: Unit = TEXT) -> Column[SearchedRow]:
    return Column(title, lambda searched: value(searched.row), unit)


COLUMNS: tuple[Column[SearchedRow], ...] = (
    _measured("Variant", variant_name),
    _measured("Context", lambda row: row["context_len"], COUNT),
    *(column for quantity in QUANTITIES for column in _quantity_columns(quantity)),
    _measured("Project", lambda row: row["project_s"], MS),
    _measured("Append", lambda row: row["append_s"], MS),
    _measured("Output", lambda row: row["output_s"], MS),
    _measured("Attend share of phases", attend_share, PERCENT),
    _measured("Kernel ran", lambda row: row["kernel_ran"]),
    _measured("Read bandwidth", lambda row: row["read_bandwidth_bytes_per_s"], GB_PER_S),
    Column("Disturbed", _is_disturbed, FLAG),
    _measured("When", lambda row: timestamp(row["created_at"]), UTC),
    _measured("Warnings", lambda row: "; ".join(row["warnings"])),
)
