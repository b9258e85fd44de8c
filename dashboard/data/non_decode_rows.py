"""Rows of records of all kinds but decode: the record, and fields that the log page filters by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.data.decode_rows import Row
from gqa_core.records.record import Record
from gqa_core.records.summaries import SUMMARIES

KINDS: Mapping[str, tuple[str, str]] = {  # name of the kind, and the page that measures it
    "check": ("comparison", "Equivalence"),
    "generate": ("generation", "Why a cache"),
    "growth": ("growing cache", "Why a cache"),
    "quality": ("small model", "Quality"),
}


def non_decode_rows(with_evidence: Iterable[tuple[Record, str]]) -> list[Row]:
    """A row for each record that is not of a decode step, with its evidence."""
    return [
        {name: record[name] for name in ("kind", "run_id", "point", "created_at", "git_commit")}
        | {f"device_{name}": value for name, value in record["device"].items()}
        | {"evidence": evidence, "record": record}
        for record, evidence in with_evidence
        if record["kind"] in SUMMARIES
    ]
