"""The filters of the page of runs: options in words, and the records that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.data.decode_rows import device_text
from dashboard.data.non_decode_rows import KIND_NAMES
from dashboard.data.selection import DECODE_ONLY_FIELDS
from gqa_core.records.header import KindName
from gqa_core.records.log.selection import RecordFilter

__all__ = ["COLUMNS", "LogFilter", "option_text"]

COLUMNS: Mapping[str, tuple[str, ...]] = {  # of the log, by field of the page
    "kind": ("kind",),
    "variant": ("variant",),
    "context": ("context_len",),
    "dtype": ("dtype",),
    "evidence": ("evidence",),
    "device": ("device_name", "device_threads", "machine"),
    "date": ("date",),
    "run": ("run_id",),
}
DECODE: KindName = "decode"


def option_text(field: str, values: Sequence[Any]) -> Any:
    """The option that a filter offers for these values of its columns."""
    if field == "kind":
        return KIND_NAMES[values[0]]
    return device_text(*values) if field == "device" else values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """The wanted options by field, none for all; `devices` are those of the log by option."""

    wanted: Mapping[str, Sequence[Any]]
    devices: Mapping[str, tuple[str, int, str]]

    @property
    def decode(self) -> RecordFilter | None:
        """The decode steps that pass; None if no decode step can."""
        if not self._passes_kind(DECODE):
            return None
        decode_only = {
            "variants": tuple(self.wanted["variant"]),
            "context_lens": tuple(self.wanted["context"]),
            "dtypes": tuple(self.wanted["dtype"]),
        }
        return self._filter((DECODE,), decode_only)

    @property
    def other_kinds(self) -> RecordFilter | None:
        """The records of other kinds that pass; None if none can."""
        kinds = tuple(kind for kind in KIND_NAMES if kind != DECODE and self._passes_kind(kind))
        return self._filter(kinds, {}) if kinds else None

    @property
    def wanted_of_others(self) -> dict[str, Sequence[Any]]:
        """The wanted options of the fields that records of other kinds have too."""
        return {name: self.wanted[name] for name in self.wanted if name not in DECODE_ONLY_FIELDS}

    def _passes_kind(self, kind: KindName) -> bool:
        return not self.wanted["kind"] or KIND_NAMES[kind] in self.wanted["kind"]

    def _filter(self, kinds: tuple[KindName, ...], more: dict[str, Any]) -> RecordFilter | None:
        """The filter of these kinds; None if only devices are wanted that the log does not have."""
        devices = tuple(
            self.devices[name] for name in self.wanted["device"] if name in self.devices
        )
        if self.wanted["device"] and not devices:
            return None
        return RecordFilter(
            kinds=kinds,
            evidence=tuple(self.wanted["evidence"]),
            dates=tuple(self.wanted["date"]),
            run_ids=tuple(self.wanted["run"]),
            devices=devices,
            **more,
        )
