"""Each kind of record in words: what was done and what came out, in one line or in two columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gqa_core import units
from gqa_core.records.record import Record, peak_bytes, row
from gqa_core.records.specs.verify import COMPARISONS


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


def summarize_generate(record: Record) -> tuple[str, str]:
    """How many tokens were generated, which way, and the seconds of all their steps."""
    spent = sum(totals[-1] for totals in record["totals_s"].values())
    how = "with the cache" if record["way"] == "cached" else "by recomputing"
    return f"{_length(record)} generated {how}, {_dtype(record)}", f"{units.duration(spent)} in all"


def summarize_growth(record: Record) -> tuple[str, str]:
    """How far a cache grew, by which policy, the seconds of all appends and the peak."""
    spent, block = record["totals_s"]["append"][-1], record["block_len"]
    policy = f"{record['policy']} blocks of {block}" if block else record["policy"]
    return (
        f"{_length(record)} appended, {policy}, {_dtype(record)}",
        f"{units.duration(spent)} in all, peak {units.capacity(peak_bytes(record))}",
    )


def summarize_verify(record: Record) -> tuple[str, str]:
    """What was compared, and whether the two sides agree."""
    planted = ", error planted" if record["planted"] else ""
    return (
        f"{COMPARISONS[record['comparison']]}, {_dtype(record)}{planted}",
        f"{'pass' if record['passed'] else 'FAIL'}, {record['relative_error']:.1e} apart",
    )


def summarize_quality(record: Record) -> tuple[str, str]:
    """How a small model came to its K/V heads, and its held-out loss, first and last."""
    taken = dict(zip(record["percents"], record["losses"], strict=True))
    ends = dict.fromkeys((min(taken), max(taken)))
    heads = f"{record['n_kv_heads']} of {record['training_config']['n_heads']} K/V heads"
    how = "from scratch" if record["start"] == "scratch" else f"by {record['start']}"
    losses = ", ".join(f"{taken[percent]:.4f} at {percent}%" for percent in ends)
    return f"{heads} {how}, seed {record['seed']}", f"loss {losses}"


SUMMARIES: Mapping[str, Callable[[Record], tuple[str, str]]] = MappingProxyType(
    {  # what was done, and what came out
        "check": summarize_verify,
        "generate": summarize_generate,
        "growth": summarize_growth,
        "quality": summarize_quality,
    }
)


def line(record: Record) -> str:
    """A record of any kind in one line."""
    if record["kind"] == "decode":
        return decode_line(record)
    what, result = SUMMARIES[record["kind"]](record)
    return f"{what:<52}  {result}"


def _length(record: Record) -> str:
    return units.count(record["workload"]["context_lens"][-1], "token")


def _dtype(record: Record) -> str:
    return record["workload"]["dtype"]
