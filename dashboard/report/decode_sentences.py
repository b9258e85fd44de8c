"""What measured decode steps and comparisons say in words: the one-line answers of their pages."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, speeds_vs_mha, variant_name
from gqa_core import units
from gqa_core.records.record import Record
from gqa_core.records.specs.verify import COMPARISONS


def decode_answer(rows: Sequence[Row], context_len: int) -> str:
    """How long a step takes at a context, how much of it is attending, and what sharing saves."""
    here = [row for row in rows if row["context_len"] == context_len]
    if not here:
        return f"Not measured yet at {context_len} tokens: press Run."
    told = [
        f"{variant_name(row)} {units.duration(row['step_s'])}, of which attending over the cache "
        f"{units.duration(row['attend_s'])}{_compared(row, speed)}"
        for row, speed in zip(here, speeds_vs_mha(here), strict=True)
    ]
    return f"One step at {context_len} tokens: {'; '.join(told)}."


def comparisons_answer(records: Sequence[Record], *, planted: bool) -> str:
    """Whether the comparisons (at least one) pass, and how far apart the worst two sides are."""
    failed = [record for record in records if not record["passed"]]
    worst = max(records, key=lambda record: record["relative_error"])
    furthest = (
        f"{COMPARISONS[worst['comparison']]} is furthest apart, by {worst['relative_error']:.1e} "
        f"of {worst['tolerance']:.0e} allowed"
    )
    if not failed:
        return f"It is the same attention: all {len(records)} comparisons pass; {furthest}."
    if planted:
        return (
            f"Heads in the wrong order are another attention: {len(failed)} of {len(records)} "
            f"comparisons fail; {furthest}."
        )
    return f"It is not the same: {len(failed)} of {len(records)} comparisons fail; {furthest}."


def _compared(row: Row, speed: float | None) -> str:
    if row["variant"] == "MHA" or speed is None:
        return ""
    return f" ({units.times(speed)} the speed of MHA)"
