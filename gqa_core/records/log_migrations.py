"""Steps from one version of the run log to the next; nothing of a log is lost on the way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from gqa_core.records.upgrade import upgrade

__all__ = ["MIGRATIONS"]


def _upgrade_records(connection: sqlite3.Connection) -> None:
    """Write each record as this version has it; one that cannot be read stays as it is."""
    for row_id, body in connection.execute("SELECT id, body FROM records").fetchall():
        with suppress(TypeError, ValueError):
            upgraded = json.dumps(upgrade(json.loads(body)), separators=(",", ":"))
            connection.execute("UPDATE records SET body = ? WHERE id = ?", (upgraded, row_id))


# By the version that a step starts from; each is called inside a write transaction.
MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType(
    {2: _upgrade_records}
)
