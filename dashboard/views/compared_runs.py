"""Selections of decode steps that can be compared: of a device, of a date or run on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.data.log_filter import COLUMNS
from dashboard.shell import logged
from dashboard.shell.log import read_log
from dashboard.views.shown_runs import ShownRuns
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.log.selection import RecordFilter

__all__ = ["Choice", "ComparedRuns"]

MAX_CHOICES = 500  # that a list offers: those with the newest records
DEVICE = ("device_name", "device_threads", "machine", "evidence")
SETTINGS = ("n_heads", "dim", "batch_size", "dtype", "kv_format", "n_layers")


@dataclass(frozen=True, slots=True)
class Choice:
    """A selection: its name, and its records in the log; None if it is of the sample runs alone."""

    name: str
    where: RecordFilter | None = None


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """The decode steps shown, to be compared by "device", "date" or "run"."""

    shown: ShownRuns
    by: str

    def choices(self) -> dict[str, Choice]:
        """All selections by name, those measured here first."""
        rows = self.shown.samples.decode
        named = {(True, name): Choice(name) for name in selection.selections(rows, self.by)}
        if (where := self.shown.decode) is not None:
            columns = (*DEVICE, *([] if self.by == "device" else COLUMNS[self.by]))
            for values in logged.newest_values(where, *columns, limit=MAX_CHOICES):
                choice = self._logged_choice(where, *values)
                named[values[3] == MEASURED_ELSEWHERE, choice.name] = choice
        return {name: named[is_elsewhere, name] for is_elsewhere, name in sorted(named)}

    def settings(self, choices: Sequence[Choice]) -> list[str]:
        """Settings of these selections, those of the most and then with the most points first."""
        n_points: Counter[str] = Counter()
        n_selections: Counter[str] = Counter()
        for choice in choices:
            counts = self._setting_counts(choice)
            n_points.update(counts)
            n_selections.update(counts.keys())
        return sorted(n_points, key=lambda name: (-n_selections[name], -n_points[name], name))

    def rows(self, choice: Choice, settings: str) -> list[Row]:
        """The newest row of each point of a selection, with these settings."""
        own: Sequence[Row] = ()
        if choice.where is not None:
            values = self._logged_settings(choice.where).get(settings)
            if values is not None:
                where = _with_settings(choice.where, values)
                own = read_log(lambda: logged.newest_rows(where), ())
        rows = (*own, *self.shown.samples.decode)
        return selection.selected(rows, self.by, choice.name, settings)

    def _logged_choice(
        self,
        where: RecordFilter,
        name: str,
        n_threads: int,
        machine: str,
        evidence: Any,
        group: str = "",
    ) -> Choice:
        where = replace(where, devices=((name, n_threads, machine),), evidence=(evidence,))
        if self.by == "date":
            where = replace(where, dates=(group,))
        elif self.by == "run":
            where = replace(where, run_ids=(group,))
        return Choice(selection.selection_text(name, n_threads, machine, evidence, group), where)

    def _setting_counts(self, choice: Choice) -> Counter[str]:
        """The number of points with each of the settings of a selection."""
        counts = Counter(
            selection.settings_name(row)
            for row in self.shown.samples.decode
            if selection.selection_name(row, self.by) == choice.name
        )
        if choice.where is not None:
            points = logged.values(choice.where, *SETTINGS, "config", "context_len", "kernel_asked")
            counts.update(selection.settings_text(*values[:6]) for values in points)
        return counts

    def _logged_settings(self, where: RecordFilter) -> dict[str, tuple[Any, ...]]:
        """The numbers of the settings in a selection of the log, by name."""
        known: dict[str, tuple[Any, ...]] = {}
        for values in logged.values(where, *SETTINGS):
            known[selection.settings_text(*values)] = values
        return known


def _with_settings(where: RecordFilter, values: Sequence[Any]) -> RecordFilter:
    n_heads, dim, batch_size, dtype, kv_format, n_layers = values
    return replace(
        where,
        n_heads=(n_heads,),
        dims=(dim,),
        batch_sizes=(batch_size,),
        dtypes=(dtype,),
        kv_formats=(kv_format,),
        n_layers=(n_layers,),
    )
