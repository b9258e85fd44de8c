"""Reads of the log that stay small however large it is: pages, newest per point, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, distinct, false, func, select

from gqa_core.records.log.rows import LogContents
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.log.tables import BODIES, RECORDS

if TYPE_CHECKING:
    from gqa_core.records.run_log import RunLog

__all__ = [
    "MAX_POINTS",
    "RecordCounts",
    "count_records",
    "count_unreadable",
    "distinct_values",
    "newest_values",
    "read_newest",
    "read_page",
    "read_runs",
]

C = RECORDS.c
POINT = (C.config, C.batch_size, C.dtype, C.kv_format, C.n_layers, C.context_len, C.kernel_asked)
MAX_POINTS = 2000  # that a page draws or lists at once; the newest of more


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """The number of records, and of those measured elsewhere."""

    n_records: int = 0
    n_elsewhere: int = 0


def read_page(log: RunLog, where: RecordFilter, *, offset: int = 0, limit: int) -> LogContents:
    """The records from `offset` on, newest first, at most `limit`."""
    ids = select(C.id).where(*where.clauses).order_by(C.created.desc(), C.id)
    return _contents(log, ids.offset(offset).limit(limit), newest_first=True)


def read_newest(log: RunLog, where: RecordFilter, limit: int = MAX_POINTS) -> LogContents:
    """The newest record of each point: of equal layer, workload, formats and kernel, oldest first.

    Of more points than `limit`, those measured last.
    """
    age = func.row_number().over(partition_by=POINT, order_by=(C.created.desc(), C.id.desc()))
    ranked = select(C.id, C.created, age.label("age")).where(*where.clauses).subquery()
    ids = select(ranked.c.id).where(ranked.c.age == 1).order_by(ranked.c.created.desc())
    return _contents(log, ids.limit(limit))


def read_runs(log: RunLog, where: RecordFilter, contexts: Sequence[int], limit: int) -> LogContents:
    """The records of runs that compared with MHA at some of these contexts, oldest first.

    Of more runs than `limit`, those that measured all of the contexts, then the newest.
    """
    n_contexts = func.count(distinct(C.context_len)).filter(C.context_len.in_(contexts))
    runs = (
        select(C.run_id)
        .where(*where.clauses)
        .group_by(C.run_id)
        .having(
            n_contexts > 0,
            func.count().filter(C.variant == "MHA") > 0,
            func.count().filter(C.variant != "MHA") > 0,
        )
        .order_by((n_contexts == len(contexts)).desc(), func.max(C.created).desc())
        .limit(limit)
    )
    ids = select(C.id).where(C.run_id.in_(runs), *where.clauses)
    return _contents(log, ids.order_by(C.created.desc()).limit(MAX_POINTS))


def count_records(log: RunLog, where: RecordFilter) -> RecordCounts:
    """The numbers of records that are wanted."""
    from gqa_core.records.header import MEASURED_ELSEWHERE

    elsewhere = func.count().filter(C.evidence == MEASURED_ELSEWHERE)
    rows = log.execute(select(func.count(), elsewhere).where(*where.clauses))
    return RecordCounts(n_records=rows[0][0], n_elsewhere=rows[0][1]) if rows else RecordCounts()


def count_unreadable(log: RunLog) -> int:
    """The number of records that could not be read when they came into the log."""
    rows = log.execute(select(func.count()).where(C.is_readable == false()))
    return rows[0][0] if rows else 0


def distinct_values(log: RunLog, where: RecordFilter, *columns: str) -> list[tuple[Any, ...]]:
    """Each combination of values in these columns, in no order."""
    chosen = [C[name] for name in columns]
    query = select(*chosen).where(*where.clauses, *(column.is_not(None) for column in chosen))
    return [tuple(row) for row in log.execute(query.distinct())]


def newest_values(
    log: RunLog, where: RecordFilter, *columns: str, limit: int
) -> list[tuple[Any, ...]]:
    """Combinations of values in these columns, those with the newest records first."""
    chosen = [C[name] for name in columns]
    query = select(*chosen).where(*where.clauses, *(column.is_not(None) for column in chosen))
    newest_first = query.group_by(*chosen).order_by(func.max(C.created).desc(), *chosen)
    return [tuple(row) for row in log.execute(newest_first.limit(limit))]


def _contents(log: RunLog, ids: Select[Any], *, newest_first: bool = False) -> LogContents:
    """The records with these ids, oldest first unless asked otherwise."""
    when = (C.created.desc(), C.id) if newest_first else (C.created, C.id)
    chosen = ids.subquery()
    query = (
        select(BODIES.c.body, C.evidence)
        .join(chosen, chosen.c.id == C.id)
        .join(BODIES, BODIES.c.record_id == C.id)
        .order_by(*when)
    )
    return LogContents.from_bodies(log.execute(query))
