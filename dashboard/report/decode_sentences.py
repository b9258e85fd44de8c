"""Speeds against MHA in words, and the answer of the page Decode."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, VersusMha, variant_name, versus_mha
from dashboard.report.verdicts import unusable_sentence
from gqa_core import units


def decode_answer(rows: Sequence[Row], context_len: int) -> str:
    """Step and attend times at a context, and speeds against MHA; else why there are none."""
    shown = [row for row in rows if row.context_len == context_len]
    if not shown:
        return f"Not measured yet at {context_len} tokens: press Run."
    if not all(row.is_usable for row in shown):
        return unusable_sentence(shown)
    parts = [
        f"{variant_name(row)} {units.duration(row.step.p5)}, of which attending over the cache "
        f"{units.duration(row.attend.p5)}{_compared(versus)}"
        for row, versus in zip(shown, versus_mha(shown), strict=True)
    ]
    return f"One step at {context_len} tokens: {'; '.join(parts)}."


def describe_speed(versus: VersusMha) -> str:
    """The speed against MHA in a few words: "4x the speed of MHA"; MHA is the baseline."""
    if versus.row is versus.mha:
        return "the baseline"
    if versus.speed is not None:
        return f"{units.times(versus.speed)} the speed of MHA"
    return "not told apart from MHA" if versus.is_tie else "no MHA to compare with"


def _compared(versus: VersusMha) -> str:
    is_baseline = versus.mha in (None, versus.row)
    return "" if is_baseline else f" ({describe_speed(versus)})"
