"""Each kind of record in one line of text, as `python -m gqa_core runs` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gqa_core import units
from gqa_core.measure.record import Record, peak_bytes, row


def decode_line(record: Record) -> str:
    """What was measured of a decode step: its attend time, the bound of that, the whole time."""
    flat = row(record)
    return (
        f"{flat['variant']:<4}{flat['n_kv_heads'] or flat['kernel_ran']!s:>9}"
        f"  context {flat['context_len']:>8}  {flat['dtype']:<9}"
        f"  attend {units.duration(flat['attend_s']):>8}"
        f"  bound {units.duration(flat['bound_s']):>8}"
        f"  step {units.duration(flat['step_s']):>8}"
    )


def generate_line(record: Record) -> str:
    """How many tokens were generated, which way, and the seconds of all their steps."""
    spent = sum(totals[-1] for totals in record["totals_s"].values())
    return f"generated {record['way']:<12} {_length(record)}  in all {units.duration(spent):>8}"


def growth_line(record: Record) -> str:
    """How far a cache grew, by which policy, the seconds of all appends and the peak."""
    spent = record["totals_s"]["append"][-1]
    return (
        f"grown     {record['policy']:<12} {_length(record)}  in all {units.duration(spent):>8}"
        f"  peak {units.capacity(peak_bytes(record))}"
    )


def check_line(record: Record) -> str:
    """What was compared, and whether the two sides agree."""
    verdict = "pass" if record["passed"] else "FAIL"
    planted = ", error planted" if record["planted"] else ""
    return f"compared  {record['comparison']:<18} {record['relative_error']:.1e} {verdict}{planted}"


def quality_line(record: Record) -> str:
    """How a small model came to its K/V heads, and its held-out loss, first and last."""
    taken = dict(zip(record["percents"], record["losses"], strict=True))
    ends = dict.fromkeys((min(taken), max(taken)))
    losses = ", ".join(f"{taken[percent]:.4f} at {percent}%" for percent in ends)
    return (
        f"trained   {record['start']:<8} {record['n_kv_heads']:>2} K/V heads"
        f"  seed {record['seed']}  loss {losses}"
    )


LINES: Mapping[str, Callable[[Record], str]] = MappingProxyType(
    {
        "check": check_line,
        "decode": decode_line,
        "generate": generate_line,
        "growth": growth_line,
        "quality": quality_line,
    }
)


def _length(record: Record) -> str:
    workload = record["workload"]
    return f"context {workload['context_lens'][-1]:>8}  {workload['dtype']:<9}"
