"""Reads of the run log for pages: each asks for what it shows, and is cached until the log changes.

`read_log` of `dashboard.shell.log` unwraps what these return, and says what could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import page_content
from dashboard.shell.page_log import use_log
from dashboard.shell.visible_log import visible_log
from gqa_core.records.crossover import search_contexts
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_HERE, Device, KindName
from gqa_core.records.kinds import DecodeRecord, Record
from gqa_core.records.log import reading
from gqa_core.records.log.columns import config_key
from gqa_core.records.log.rows import LogContents
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.log.sharing import SharingPair, sharing_pairs
from gqa_core.records.run_log import LoggedRecord, RunLog

T = TypeVar("T")

MAX_RECORDS = 500  # of another kind than decode; the newest of more
MAX_PROBES = 100  # steps whose probes stand for this machine: the newest
MAX_RUNS = 4  # searches for crossovers, of which the page shows one
ANY = RecordFilter()
DECODE = RecordFilter(kinds=("decode",))


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """Something read from the log, and how many of its records could not be read."""

    value: T
    n_unreadable: int = 0


def n_unreadable() -> int:
    """The number of records that could not be read when they came into the log.

    Raises:
        RunLogError: (this and all others here) the log cannot be read.
    """
    return _value(reading.count_unreadable)


def has_records(where: RecordFilter) -> bool:
    """True if the log has such records."""
    return count(where).n_records > 0


def count(where: RecordFilter) -> reading.RecordCounts:
    """The number of such records."""
    return _value(reading.count_records, where)


def values(where: RecordFilter, *columns: str) -> list[tuple[Any, ...]]:
    """Each combination of values that such records have in these columns, in no order."""
    return _value(reading.distinct_values, where, *columns)


def newest_values(where: RecordFilter, *columns: str, limit: int) -> list[tuple[Any, ...]]:
    """Combinations of values in these columns, those of the newest such records first."""
    return _value(reading.newest_values, where, *columns, limit=limit)


def pairs(where: RecordFilter) -> list[SharingPair]:
    """Such steps of GQA and MQA, each with MHA's of the same run."""
    return _value(sharing_pairs, where)


def decode_page(where: RecordFilter, offset: int, limit: int) -> Read[Sequence[DecodeRow]]:
    """Such decode steps, newest first, from `offset` on."""
    return _rows(reading.read_page, where, offset=offset, limit=limit)


def page(where: RecordFilter, offset: int, limit: int) -> Read[Sequence[LoggedRecord]]:
    """Such records, newest first, from `offset` on."""
    contents = _contents(reading.read_page, where, offset=offset, limit=limit)
    return Read(contents.logged, contents.n_unreadable)


def newest_rows(where: RecordFilter) -> Read[Sequence[DecodeRow]]:
    """The newest decode step of each point."""
    return _rows(reading.read_newest, where)


def mha_rows(run_ids: Sequence[str]) -> Read[Sequence[DecodeRow]]:
    """The MHA steps of these runs."""
    if not run_ids:
        return Read(())
    where = RecordFilter(kinds=("decode",), variants=("MHA",), run_ids=tuple(run_ids))
    return _rows(reading.read_page, where, limit=reading.MAX_POINTS)


def own_decode_rows(settings: DecodeSettings, device: Device) -> Read[Sequence[DecodeRow]]:
    """All that a page of these settings needs of the steps measured here, on this device.

    The newest step of each point, the newest searches for crossovers, and the newest steps whose
    probes stand for the machine: those in the number format of the settings, if there are any.
    """
    own = replace(DECODE, evidence=(MEASURED_HERE,), device=device)
    same_dtype = replace(own, dtypes=(settings.dtype,))
    with_settings = replace(
        same_dtype,
        configs=tuple(config_key(layer) for layer in settings.variants.values()),
        batch_sizes=(settings.batch_size,),
        n_layers=(settings.n_layers,),
    )
    longest = settings.context_len
    searched = replace(with_settings, kv_formats=(settings.kv_format,), max_context_len=longest)
    probing = _rows(reading.read_page, same_dtype, limit=MAX_PROBES)
    if not probing.value:
        probing = _rows(reading.read_page, own, limit=MAX_PROBES)
    return _merged(
        newest_rows(with_settings),
        _rows(reading.read_runs, searched, search_contexts(longest), MAX_RUNS),
        probing,
    )


def records(
    kind: KindName, where: RecordFilter = ANY, limit: int = MAX_RECORDS
) -> Read[Sequence[Record]]:
    """The newest records of a kind that were measured here, oldest first."""
    wanted = replace(where, kinds=(kind,), evidence=(MEASURED_HERE,))
    contents = _contents(reading.read_page, wanted, limit=limit)
    return Read(contents.records[::-1], contents.n_unreadable)


def _merged(*reads: Read[Sequence[DecodeRow]]) -> Read[Sequence[DecodeRow]]:
    """The rows of all reads, each once, oldest first."""
    rows = {(row.record.run_id, row.record.point): row for read in reads for row in read.value}
    return Read(
        sorted(rows.values(), key=lambda row: (row.record.created_at, row.record.point)),
        sum(read.n_unreadable for read in reads),
    )


def _value(load: Callable[..., T], *arguments: Any, **options: Any) -> T:
    return _cached(_cached_value, load, *arguments, **options)


def _contents(load: Callable[..., LogContents], *arguments: Any, **options: Any) -> LogContents:
    return _cached(_cached_contents, load, *arguments, **options)


def _rows(
    load: Callable[..., LogContents], *arguments: Any, **options: Any
) -> Read[Sequence[DecodeRow]]:
    return _cached(_cached_rows, load, *arguments, **options)


def _cached(
    cached: Callable[..., T], load: Callable[..., Any], *arguments: Any, **options: Any
) -> T:
    """The cached result of `load` with these arguments, for this version of the log."""
    key = f"{load.__name__}{arguments}{options}"
    return use_log(
        lambda log: cached(log.name, _version(log), key, lambda: load(log, *arguments, **options)),
        visible_log,
    )


def _version(log: RunLog) -> str:
    """The log's version, asked once per run of a page: its parts show the same records."""
    if get_script_run_ctx(suppress_warning=True) is None:  # no page runs
        return log.version()
    versions = page_content.content().log_versions
    if log.name not in versions:
        versions[log.name] = log.version()
    return versions[log.name]


@st.cache_resource(max_entries=128, show_spinner=False)
def _cached_value(name: str, version: str, key: str, _load: Callable[[], Any]) -> Any:
    return _load()


@st.cache_resource(max_entries=8, show_spinner=False)
def _cached_contents(
    name: str, version: str, key: str, _load: Callable[[], LogContents]
) -> LogContents:
    return _load()


@st.cache_resource(max_entries=8, show_spinner=False)
def _cached_rows(
    name: str, version: str, key: str, _load: Callable[[], LogContents]
) -> Read[Sequence[DecodeRow]]:
    """The rows of the decode steps; made once, since their percentiles take time."""
    contents = _load()
    rows = tuple(
        DecodeRow.from_record(entry.record, entry.evidence)
        for entry in contents.logged
        if isinstance(entry.record, DecodeRecord)
    )
    return Read(rows, contents.n_unreadable)
