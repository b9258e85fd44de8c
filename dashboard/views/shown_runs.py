"""The records that the page of runs shows: of the log a page at a time, then the sample runs'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.data.log_filter import COLUMNS, LogFilter, option_text
from dashboard.data.non_decode_rows import non_decode_rows
from dashboard.data.selection import AnyRow
from dashboard.report.metric import Metric
from dashboard.shell import loaders, logged
from dashboard.shell.log import read_log
from dashboard.shell.logged import Read
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.log.reading import RecordCounts
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.log.sharing import SharingPair
from gqa_core.records.run_log import LoggedRecord

__all__ = ["ROWS_PER_PAGE", "Samples", "ShownRuns", "filter_options", "n_logged", "samples"]

ROWS_PER_PAGE = 100
MAX_RUNS = 500  # that a filter offers: the newest


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of the sample runs, decode steps and other kinds; they are no part of the log."""

    decode: Sequence[Row] = ()
    other_kinds: Sequence[LoggedRecord] = ()

    @property
    def n_records(self) -> int:
        """The number of all."""
        return len(self.decode) + len(self.other_kinds)


def samples() -> Samples:
    """All sample runs that ship."""
    logged_samples = [LoggedRecord(each, MEASURED_ELSEWHERE) for each in loaders.sample_records()]
    return Samples(loaders.sample_rows(), non_decode_rows(logged_samples))


def n_logged() -> int | None:
    """The number of readable records of the log; a warning counts those that are not.

    None, after a warning, if the log cannot be read.
    """
    return read_log(lambda: Read(logged.count(logged.ANY).n_records), None)


def filter_options(field: str, samples: Samples, *, is_empty: bool) -> dict[Any, tuple[Any, ...]]:
    """The options of a filter, sorted, each with the values of its columns.

    Without values those of the samples alone; an empty log, or none that can be read, is not asked.
    """
    is_decode_only = field in selection.DECODE_ONLY_FIELDS
    where = logged.DECODE if is_decode_only else logged.ANY
    values: Sequence[tuple[Any, ...]] = ()
    if field == "run" and not is_empty:
        values = logged.newest_values(where, *COLUMNS[field], limit=MAX_RUNS)
    elif not is_empty:
        values = logged.values(where, *COLUMNS[field])
    rows: Sequence[AnyRow] = samples.decode
    rows = rows if is_decode_only else (*rows, *samples.other_kinds)
    options = dict.fromkeys(selection.options(rows, field), ())
    options |= {option_text(field, each): each for each in values}
    return dict(sorted(options.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRuns:
    """The records of the log and of the sample runs that pass the filters."""

    decode: RecordFilter | None
    other_kinds: RecordFilter | None
    samples: Samples

    @classmethod
    def from_filter(
        cls, log_filter: LogFilter, all_samples: Samples, *, is_empty: bool
    ) -> ShownRuns:
        """The records that pass, of the log unless it `is_empty`, and of these samples."""
        decode, other_kinds = log_filter.wanted, log_filter.wanted_of_others
        return cls(
            decode=None if is_empty else log_filter.decode,
            other_kinds=None if is_empty else log_filter.other_kinds,
            samples=Samples(
                selection.filtered(all_samples.decode, decode),
                selection.filtered(all_samples.other_kinds, other_kinds),
            ),
        )

    @property
    def n_decode(self) -> int:
        """The number of decode steps."""
        return _count(self.decode).n_records + len(self.samples.decode)

    @property
    def n_other_kinds(self) -> int:
        """The number of records of other kinds."""
        return _count(self.other_kinds).n_records + len(self.samples.other_kinds)

    def decode_page(self, number: int) -> list[Row]:
        """Decode steps of one page of the table, counted from 1, newest first."""
        return _page(number, self.decode, self.samples.decode, logged.decode_page)

    def other_kinds_page(self, number: int) -> list[LoggedRecord]:
        """Records of other kinds of one page of the table, counted from 1, newest first."""
        return _page(number, self.other_kinds, self.samples.other_kinds, logged.page)

    def mha_rows(self, rows: Sequence[Row]) -> list[Row]:
        """The MHA steps of the runs of these rows."""
        run_ids = sorted({row.record.run_id for row in rows})
        return [*read_log(lambda: logged.mha_rows(run_ids), ()), *loaders.sample_rows()]

    def pairs(self) -> list[SharingPair]:
        """Each step of GQA or MQA with the MHA step of its run."""
        own = _logged_pairs(self.decode)
        shared = [row for row in self.samples.decode if row.variant in ("GQA", "MQA")]
        bases = selection.mha_of_run(shared, loaders.sample_rows())
        matched = zip(shared, bases, strict=True)
        return [*own, *(SharingPair.from_rows(row, mha) for row, mha in matched if mha)]

    def metrics(self, n_all: int) -> list[Metric]:
        """The numbers of records, runs, devices and imported records."""
        runs, dates, devices = (self._n_distinct(name) for name in ("run", "date", "device"))
        n_elsewhere = sum(_count(where).n_elsewhere for where in (self.decode, self.other_kinds))
        return [
            Metric("Records", f"{self.n_decode + self.n_other_kinds:,}", f"of {n_all:,}"),
            Metric("Runs", f"{runs:,}", f"dates: {dates:,}"),
            Metric("Devices", f"{devices:,}", "by name, threads and machine"),
            Metric(
                "Measured elsewhere",
                f"{n_elsewhere + self.samples.n_records:,}",
                "imported, or the sample run",
            ),
        ]

    def evidence(self, *, is_decode: bool) -> list[str]:
        """The kinds of evidence of the decode steps, or of the other records."""
        where = self.decode if is_decode else self.other_kinds
        rows: Sequence[AnyRow] = self.samples.decode if is_decode else self.samples.other_kinds
        logged_values = logged.values(where, "evidence") if where else []
        known = {name for (name,) in logged_values} | {row.evidence for row in rows}
        return sorted(known, reverse=True)

    def _n_distinct(self, field: str) -> int:
        filters = [where for where in (self.decode, self.other_kinds) if where is not None]
        columns = COLUMNS[field]
        known = {
            option_text(field, each) for where in filters for each in logged.values(where, *columns)
        }
        rows: Sequence[AnyRow] = (*self.samples.decode, *self.samples.other_kinds)
        return len(known | set(selection.options(rows, field)))


def _count(where: RecordFilter | None) -> RecordCounts:
    return logged.count(where) if where is not None else RecordCounts()


def _logged_pairs(where: RecordFilter | None) -> list[SharingPair]:
    return logged.pairs(where) if where is not None else []


def _page(number: int, where: RecordFilter | None, rows: Sequence[Any], load: Any) -> list[Any]:
    """One page of the log's records and then of these rows."""
    start, n_logged = ROWS_PER_PAGE * (number - 1), _count(where).n_records
    own: Sequence[Any] = ()
    if where is not None and start < n_logged:
        own = read_log(lambda: load(where, start, ROWS_PER_PAGE), ())
    first = max(start - n_logged, 0)
    n_left = min(ROWS_PER_PAGE, max(start + ROWS_PER_PAGE - n_logged, 0))
    return [*own, *rows[first : first + n_left]]
