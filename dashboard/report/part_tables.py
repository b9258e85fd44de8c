"""The parts of what a model keeps as a table whose last row is their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.data.parts import PartBytes
from dashboard.report.columns import BYTES, COUNT, MIB, PERCENT_3_DIGITS, TOKENS, Column, Table
from dashboard.report.part_terms import part_name

TOTAL = "all parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """A part, or the sum of all: bytes per token and sequence, and at one workload."""

    name: str
    n_layers: int | None
    bytes_per_token: int
    bytes_per_sequence: int
    cap: int | None
    n_bytes: int
    share: float


def parts_table(entries: Sequence[PartBytes], context_len: int, batch_size: int) -> Table[PartRow]:
    """One row per part, and one for their sum."""
    workload = f"At {context_len} tokens x {batch_size}"
    columns = (
        Column[PartRow]("Part", lambda row: row.name),
        Column[PartRow]("Layers", lambda row: row.n_layers, COUNT),
        Column[PartRow]("Per token", lambda row: row.bytes_per_token, BYTES),
        Column[PartRow]("At most", lambda row: row.cap, TOKENS),
        Column[PartRow]("Per sequence, any length", lambda row: row.bytes_per_sequence, BYTES),
        Column[PartRow](workload, lambda row: row.n_bytes, MIB),
        Column[PartRow]("Share", lambda row: row.share, PERCENT_3_DIGITS),
    )
    return Table(columns, [*map(_row, entries), _total(entries)])


def _row(entry: PartBytes) -> PartRow:
    part = entry.part
    return PartRow(
        name=part_name(part),
        n_layers=part.n_layers,
        bytes_per_token=part.bytes_per_token,
        bytes_per_sequence=part.bytes_per_sequence,
        cap=part.cap,
        n_bytes=entry.n_bytes,
        share=entry.share,
    )


def _total(entries: Sequence[PartBytes]) -> PartRow:
    return PartRow(
        name=TOTAL,
        n_layers=None,
        bytes_per_token=sum(entry.part.bytes_per_token for entry in entries),
        bytes_per_sequence=sum(entry.part.bytes_per_sequence for entry in entries),
        cap=None,
        n_bytes=sum(entry.n_bytes for entry in entries),
        share=1.0,
    )
