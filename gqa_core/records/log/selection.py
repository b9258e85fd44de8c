"""A choice of records of the log, as values of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from sqlalchemy import ColumnElement, and_, or_, true

from gqa_core.records.header import Device, Evidence, KindName
from gqa_core.records.log.tables import RECORDS

__all__ = ["RecordFilter"]

COLUMNS: Mapping[str, str] = MappingProxyType(  # by field
    {
        "kinds": "kind",
        "evidence": "evidence",
        "variants": "variant",
        "context_lens": "context_len",
        "dtypes": "dtype",
        "dates": "date",
        "run_ids": "run_id",
        "configs": "config",
        "batch_sizes": "batch_size",
        "n_layers": "n_layers",
        "kv_formats": "kv_format",
        "n_heads": "n_heads",
        "dims": "dim",
        "kernels_ran": "kernel_ran",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Records that have one of the wanted values in each field; an empty field lets all pass.

    `devices` are names with numbers of threads and machines (empty without a name), `device` one of
    a certain type. `max_context_len` is the longest context, `usable` leaves out steps whose
    samples are unusable.
    """

    kinds: tuple[KindName, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    variants: tuple[str, ...] = ()
    context_lens: tuple[int, ...] = ()
    dtypes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] = ()
    n_layers: tuple[int, ...] = ()
    kv_formats: tuple[str, ...] = ()
    n_heads: tuple[int, ...] = ()
    dims: tuple[int, ...] = ()
    kernels_ran: tuple[str, ...] = ()
    devices: tuple[tuple[str, int, str], ...] = ()
    device: Device | None = None
    max_context_len: int | None = None
    usable: bool = False

    @property
    def clauses(self) -> list[ColumnElement[bool]]:
        """The conditions of a query; what cannot be read is never wanted."""
        columns = RECORDS.c
        clauses: list[ColumnElement[bool]] = [columns.is_readable == true()]
        for field in fields(self):
            if field.name in COLUMNS and (values := getattr(self, field.name)):
                column = columns[COLUMNS[field.name]]
                # One value by equality: an index then serves a column that follows too.
                clauses.append(column == values[0] if len(values) == 1 else column.in_(values))
        if self.devices:
            clauses.append(or_(*(_is_device(*device) for device in self.devices)))
        if self.device is not None:
            clauses.append(columns.device_type == self.device.type)
            device = self.device
            clauses.append(_is_device(device.name, device.n_threads, device.machine or ""))
        if self.max_context_len is not None:
            clauses.append(columns.context_len <= self.max_context_len)
        if self.usable:
            clauses.append(columns.verdict != "unusable")
        return clauses


def _is_device(name: str, n_threads: int, machine: str) -> ColumnElement[bool]:
    columns = RECORDS.c
    return and_(
        columns.device_name == name,
        columns.device_threads == n_threads,
        columns.machine == machine,
    )
