"""Filters and selections of the log's rows.

Two rows are compared if all else is equal: geometry, batch, dtype, layers, context, kernel. A
selection has one device and one kind of evidence, so that no series mixes two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from dashboard.data.decode_rows import conditions, device_name, device_text, variant_name
from dashboard.data.non_decode_rows import KIND_NAMES
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.run_log import LoggedRecord
from gqa_core.theory.formats import DTYPE_FORMATS

AnyRow = DecodeRow | LoggedRecord
RowType = TypeVar("RowType", DecodeRow, LoggedRecord)

FIELDS: Mapping[str, Callable[[Any], Any]] = {  # what rows are filtered by
    "kind": lambda row: KIND_NAMES[row.record.kind],
    "variant": variant_name,
    "context": lambda row: row.context_len,
    "dtype": lambda row: row.dtype,
    "evidence": lambda row: row.evidence,
    "device": device_name,
    "date": lambda row: row.record.created_at[:10],
    "run": lambda row: row.record.run_id,
}
DECODE_ONLY_FIELDS = ("variant", "context", "dtype")  # no other kind has these


def options(rows: Iterable[AnyRow], field: str) -> list[Any]:
    """The values a filter offers, sorted."""
    return sorted({FIELDS[field](row) for row in rows})


def filtered(rows: Iterable[RowType], wanted: Mapping[str, Sequence[Any]]) -> list[RowType]:
    """The rows whose fields have one of the wanted values; a field without values lets all pass."""
    return [
        row
        for row in rows
        if all(not values or FIELDS[field](row) in values for field, values in wanted.items())
    ]


def selection_name(row: DecodeRow, by: str) -> str:
    """The selection a row belongs to: its device, or its date or run on that device."""
    device = row.record.device
    group = "" if by == "device" else FIELDS[by](row)
    return selection_text(device.name, device.n_threads, device.machine, row.evidence, group)


def selection_text(
    name: str, n_threads: int, machine: str | None, evidence: str, group: str = ""
) -> str:
    """The name of the selection of a device, or of a date or run on it."""
    device = device_text(name, n_threads, machine)
    if evidence == MEASURED_ELSEWHERE:
        device += " (elsewhere)"
    return f"{group}, {device}" if group else device


def selections(rows: Iterable[DecodeRow], by: str) -> list[str]:
    """The names of all selections, those measured here first."""
    named = {(row.evidence == MEASURED_ELSEWHERE, selection_name(row, by)) for row in rows}
    return [name for _, name in sorted(named)]


def settings_name(row: DecodeRow) -> str:
    """The numbers that must be equal on one chart, in words."""
    return settings_text(
        row.config.n_heads, row.config.dim, row.batch_size, row.dtype, row.kv_format, row.n_layers
    )


def settings_text(
    n_heads: int, dim: int | None, batch_size: int, dtype: str, kv_format: str, n_layers: int
) -> str:
    """The numbers that must be equal on one chart, in words."""
    layers = "1 layer" if n_layers == 1 else f"{n_layers} layers"
    quantised = "" if kv_format == DTYPE_FORMATS[dtype] else f"cache {kv_format}, "
    return (
        f"{n_heads} query heads, model width {dim}, batch {batch_size}, {dtype}, "
        f"{quantised}{layers}"
    )


def selected(rows: Iterable[DecodeRow], by: str, name: str, settings: str) -> list[DecodeRow]:
    """The newest row of each point of a selection, with these settings."""
    members = [
        row for row in rows if selection_name(row, by) == name and settings_name(row) == settings
    ]
    return list({_point(row): row for row in sorted(members, key=_when)}.values())


def mha_of_run(shown: Iterable[DecodeRow], rows: Iterable[DecodeRow]) -> list[DecodeRow | None]:
    """The MHA row of each shown row's own run under the same conditions, among all `rows`."""
    bases = {_in_run(row): row for row in rows if row.variant == "MHA"}
    return [bases.get(_in_run(row)) for row in shown]


def attend_ratios(first: Iterable[DecodeRow], second: Iterable[DecodeRow]) -> list[float]:
    """Attend times of the second rows over those of the first, for points usable in both."""
    base_s = {_point(row): row.attend.p5 for row in first if row.is_usable}
    return [
        row.attend.p5 / base_s[_point(row)]
        for row in second
        if _point(row) in base_s and row.is_usable
    ]


def n_common_points(first: Iterable[DecodeRow], second: Iterable[DecodeRow]) -> int:
    """The number of points that both measured, usable or not."""
    return len({_point(row) for row in first} & {_point(row) for row in second})


def _in_run(row: DecodeRow) -> tuple:
    """A run, and what must be equal in it; a run asks for one kernel."""
    return (row.record.run_id, *conditions(row))


def _point(row: DecodeRow) -> tuple:
    return (*conditions(row), row.config, row.record.kernel_asked)


def _when(row: DecodeRow) -> str:
    return row.record.created_at
