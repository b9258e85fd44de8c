"""The answer of the page Decode."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, run_verdict, speeds_vs_mha, variant_name
from gqa_core import units


def decode_answer(rows: Sequence[Row], context_len: int) -> str:
    """Step and attend times at a context, and speeds against MHA."""
    shown = [row for row in rows if row.context_len == context_len]
    if not shown:
        return f"Not measured yet at {context_len} tokens: press Run."
    if (worst := run_verdict(shown)).name == "unusable":
        return f"None from these samples: {worst.reason}. Run again when the machine is quiet."
    parts = [
        f"{variant_name(row)} {units.duration(row.step.p5)}, of which attending over the cache "
        f"{units.duration(row.attend.p5)}{_compared(row, speed)}"
        for row, speed in zip(shown, speeds_vs_mha(shown), strict=True)
    ]
    return f"One step at {context_len} tokens: {'; '.join(parts)}."


def _compared(row: Row, speed: float | None) -> str:
    if row.variant == "MHA" or speed is None:
        return ""
    return f" ({units.times(speed)} the speed of MHA)"
