"""The log's records of all kinds but decode, and the names of their kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gqa_core.records.header import KindName
from gqa_core.records.kinds import DecodeRecord
from gqa_core.records.run_log import LoggedRecord

KIND_NAMES: Mapping[KindName, str] = {
    "decode": "decode step",
    "sharded": "decode step of several ranks",
    "verify": "comparison",
    "generate": "generation",
    "growth": "growing cache",
    "quality": "small model",
}
PAGES: Mapping[KindName, str] = {  # the page that measures it
    "decode": "Decode",
    "sharded": "Several GPUs",
    "verify": "Same result?",
    "generate": "Why a cache",
    "growth": "Why a cache",
    "quality": "Quality",
}


def non_decode_rows(logged: Iterable[LoggedRecord]) -> list[LoggedRecord]:
    """The records that are of no decode step."""
    return [row for row in logged if not isinstance(row.record, DecodeRecord)]
