"""Steps from one version of the run log to the next; nothing of a log is lost on the way.

A step runs inside the transaction of whoever opens the log first: another process sees the log
before it or after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from gqa_core.records.kinds import decode_usable_record
from gqa_core.records.log.columns import record_columns, unreadable_columns
from gqa_core.records.log.rows import LogRow, current_body, insert_new
from gqa_core.records.log.tables import METADATA

__all__ = ["LOG_VERSION", "MIGRATIONS", "create_or_migrate"]

LOG_VERSION = 4
BATCH = 500  # rows in memory at once


def create_or_migrate(connection: Connection, version: int | None) -> bool:
    """Make the tables of an empty database, or bring those of `version` forward; True if changed.

    Stops at a version that no step starts from.
    """
    if version is None:
        METADATA.create_all(connection, checkfirst=False)
        return True
    first = version
    while version in MIGRATIONS:
        version, step = MIGRATIONS[version]
        step(connection)
    return version != first


def _split_bodies(connection: Connection) -> None:
    """Move each record from the one table of versions 2 and 3 to columns and a body.

    A body that cannot be read stays as it is.
    """
    METADATA.create_all(connection, checkfirst=False)
    for rows in _old_rows(connection):
        insert_new(connection, [_new_row(*row) for row in rows])
    connection.execute(text("DROP TABLE records"))


def _old_rows(connection: Connection) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of the old table in batches, oldest first."""
    last = -1
    query = text(
        "SELECT id, run_id, point, kind, created_at, evidence, body FROM records "
        "WHERE id > :last ORDER BY id LIMIT :batch"
    )
    while rows := connection.execute(query, {"last": last, "batch": BATCH}).all():
        last = rows[-1].id
        yield [row[1:] for row in rows]


def _new_row(
    run_id: str, point: int, kind: str, created_at: str, evidence: Any, body: Any
) -> LogRow:
    try:
        body = current_body(body)
        columns = record_columns(decode_usable_record(body), evidence)
    except (KeyError, TypeError, ValueError):
        columns = unreadable_columns(run_id, point, kind, created_at, evidence)
    # The row's own: no two rows share them, whatever the bodies say.
    return LogRow(columns | {"run_id": run_id, "point": point}, body)


# By the version that a step starts from: the version that it leads to, and the step.
MIGRATIONS: Mapping[int, tuple[int, Callable[[Connection], None]]] = MappingProxyType(
    {2: (LOG_VERSION, _split_bodies), 3: (LOG_VERSION, _split_bodies)}
)
