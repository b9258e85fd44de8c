"""Imported records of a log by their run, and their removal: those measured here always stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, select

from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.log.tables import BODIES, RECORDS

if TYPE_CHECKING:
    from gqa_core.records.run_log import RunLog

__all__ = ["ImportedRun", "imported_runs", "remove_imports"]

C = RECORDS.c


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """A run whose records were imported, their number and the device that they name."""

    run_id: str
    n_records: int
    device_name: str


def imported_runs(log: RunLog) -> list[ImportedRun]:
    """The runs of imported records, those that came last first."""
    query = (
        select(C.run_id, func.count(), func.max(C.device_name))
        .where(C.evidence == MEASURED_ELSEWHERE)
        .group_by(C.run_id)
        .order_by(func.max(C.id).desc())
    )
    return [ImportedRun(run_id, number, name or "") for run_id, number, name in log.execute(query)]


def remove_imports(log: RunLog, run_ids: Sequence[str] | None) -> int:
    """Remove the imported records of these runs, or with None all; returns their number."""
    chosen = [C.evidence == MEASURED_ELSEWHERE]
    if run_ids is not None:
        chosen.append(C.run_id.in_(run_ids))

    def change(connection: Connection) -> int:
        ids = select(C.id).where(*chosen)
        connection.execute(delete(BODIES).where(BODIES.c.record_id.in_(ids)))
        return int(connection.execute(delete(RECORDS).where(*chosen)).rowcount)

    return log.write(change)
