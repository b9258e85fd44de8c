"""Filters and selections of the log's rows.

Two rows are compared if all else is equal: geometry, batch, dtype, layers, context, kernel. A
selection has one device and one kind of evidence, so that no series mixes two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dashboard.data.decode_rows import Row, conditions, device_name, variant_name
from dashboard.data.non_decode_rows import KINDS
from gqa_core.records.record import MEASURED_ELSEWHERE

FIELDS: Mapping[str, Callable[[Row], Any]] = {  # what rows are filtered by
    "kind": lambda row: KINDS[row["kind"]][0] if row["kind"] in KINDS else DECODE_STEP,
    "variant": variant_name,
    "context": lambda row: row["context_len"],
    "dtype": lambda row: row["dtype"],
    "evidence": lambda row: row["evidence"],
    "device": device_name,
    "date": lambda row: row["created_at"][:10],
    "run": lambda row: row["run_id"],
}
DECODE_ONLY_FIELDS = ("variant", "context", "dtype")  # no other kind has these
DECODE_STEP = "decode step"


def options(rows: Iterable[Row], field: str) -> list[Any]:
    """The values a filter offers, sorted."""
    return sorted({FIELDS[field](row) for row in rows})


def filtered(rows: Iterable[Row], wanted: Mapping[str, Sequence[Any]]) -> list[Row]:
    """The rows whose fields have one of the wanted values; a field without values lets all pass."""
    return [
        row
        for row in rows
        if all(not values or FIELDS[field](row) in values for field, values in wanted.items())
    ]


def selection_name(row: Row, by: str) -> str:
    """The selection a row belongs to: its device, or its date or run on that device."""
    device = device_name(row)
    if row["evidence"] == MEASURED_ELSEWHERE:
        device += " (elsewhere)"
    return device if by == "device" else f"{FIELDS[by](row)}, {device}"


def selections(rows: Iterable[Row], by: str) -> list[str]:
    """The names of all selections, those measured here first."""
    named = {(row["evidence"] == MEASURED_ELSEWHERE, selection_name(row, by)) for row in rows}
    return [name for _, name in sorted(named)]


def settings_name(row: Row) -> str:
    """The numbers that must be equal on one chart, in words."""
    layers = "1 layer" if row["n_layers"] == 1 else f"{row['n_layers']} layers"
    return (
        f"{row['n_heads']} query heads, model width {row['dim']}, batch {row['batch_size']}, "
        f"{row['dtype']}, {layers}"
    )


def selected(rows: Iterable[Row], by: str, name: str, settings: str) -> list[Row]:
    """The newest row of each point of a selection, with these settings."""
    members = [
        row for row in rows if selection_name(row, by) == name and settings_name(row) == settings
    ]
    return list({_point(row): row for row in sorted(members, key=_when)}.values())


def mha_of_run(shown: Iterable[Row], rows: Iterable[Row]) -> list[Row | None]:
    """The MHA row of each shown row's own run under the same conditions, among all `rows`."""
    bases = {_in_run(row): row for row in rows if row["variant"] == "MHA"}
    return [bases.get(_in_run(row)) for row in shown]


def attend_ratios(first: Iterable[Row], second: Iterable[Row]) -> list[float]:
    """Attend times of the second rows over those of the first, for the points that both have."""
    base_s = {_point(row): row["attend_s"] for row in first}
    return [row["attend_s"] / base_s[_point(row)] for row in second if _point(row) in base_s]


def _in_run(row: Row) -> tuple:
    """A run, and what must be equal in it; a run asks for one kernel."""
    return (row["run_id"], *conditions(row))


def _point(row: Row) -> tuple:
    return (*conditions(row), row["layer"], row["kernel_asked"])


def _when(row: Row) -> str:
    return row["created_at"]
