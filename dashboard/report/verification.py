"""Comparisons of what must be equal, as a table and as an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.report.columns import DIFFERENCE, TOLERANCE, Column, Table
from dashboard.report.metric import Metric
from gqa_core import units
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.verify import COMPARISONS, QUANTISED, Comparison

SHORT_NAMES: Mapping[Comparison, str] = {  # on an axis
    "gqa_is_mha": "GQA = MHA",
    "gqa_is_mqa": "GQA = MQA",
    "absorbed_is_naive": "MLA absorbed = naive",
    "cached_is_uncached": "cached = uncached",
    "kernel_eager": "eager = float64",
    "kernel_sdpa": "sdpa = float64",
    "kernel_packed": "packed = float64",
    "kernel_matmul": "matmul = float64",
    "kernel_split_kv": "split_kv = float64",
    "int8_is_float": "int8 = float",
    "fp8_is_float": "fp8 = float",
    "int8_is_float64": "int8 = float64",
    "fp8_is_float64": "fp8 = float64",
    "latent_int8_is_float64": "MLA int8 = float64",
    "latent_fp8_is_float64": "MLA fp8 = float64",
}
METHOD = (
    "**What is compared.** One decode step over the context of the settings.\n"
    "* Random inputs are first rounded to the number format. Quantised caches hold standard normal "
    "values.\n"
    "* The comparison of cached with uncached attention runs a whole layer on a short sequence.\n"
    "* The relative L2 error, |a - b| / |b| over all elements, must stay within the tolerance of "
    "the number format, or of the format of a quantised cache.\n\n"
    "**The planted error** gives query head i the K/V head i mod n_kv_heads, as `repeat` orders "
    "them, instead of i // q_per_kv, as `repeat_interleave` does.\n"
    "* It makes no difference if no heads share (MHA) or if all of them share one (MQA), so those "
    "comparisons still pass.\n"
    "* So do the two without K/V heads of their own: absorbed with naive MLA, cached with "
    "uncached.\n"
    "* In a quantised cache it gives every vector the scale of the token before it.\n\n"
    "**The sample run** ships with the program and was measured on another machine. Runs of this "
    "machine take its place."
)
COLUMNS = (
    Column[VerifyRecord]("Comparison", lambda record: COMPARISONS[record.comparison]),
    Column[VerifyRecord]("Result", lambda record: "pass" if record.passed else "FAIL"),
    Column[VerifyRecord]("Largest difference", lambda record: record.max_difference, DIFFERENCE),
    Column[VerifyRecord]("Relative L2 error", lambda record: record.relative_error, DIFFERENCE),
    Column[VerifyRecord]("Tolerance", lambda record: record.tolerance, TOLERANCE),
)


def comparison_table(records: Sequence[VerifyRecord]) -> Table[VerifyRecord]:
    """One row per comparison: how far apart the two sides are, and how far they may be."""
    return Table(COLUMNS, records)


def comparisons_answer(records: Sequence[VerifyRecord], *, planted: bool) -> str:
    """The verdict on the comparisons (at least one)."""
    failed = [record for record in records if not record.passed]
    if not failed:
        n_all = len(records)
        passed = f"all {n_all} comparisons pass" if n_all > 1 else "the comparison passes"
        return f"It is the same attention where K/V heads are copies: {passed}."
    if planted:
        return (
            "Heads or scales in the wrong order are another attention: "
            f"{len(failed)} of {len(records)} comparisons fail."
        )
    return f"It is not the same: {len(failed)} of {len(records)} comparisons fail."


def nearest_sentence(records: Sequence[VerifyRecord]) -> str:
    """The comparison (of at least one) that takes most of its tolerance, or exceeds it most."""
    worst = _nearest(records)
    name, error = COMPARISONS[worst.comparison], f"{worst.relative_error:.1e}"
    if worst.passed:
        return f"{name} takes most of its tolerance, {error} of {worst.tolerance:.1e}."
    return f"{name} exceeds its tolerance most, {error} against {worst.tolerance:.1e}."


def metrics(records: Sequence[VerifyRecord]) -> list[Metric]:
    """The number of comparisons that pass, and the largest errors in floating point and 8 bits."""
    n_passed = sum(record.passed for record in records)
    quantised = [record for record in records if record.comparison in QUANTISED]
    exact = [record for record in records if record.comparison not in QUANTISED]
    groups = (("Largest error", exact), ("Largest error, 8-bit cache", quantised))
    return [
        Metric("Comparisons that pass", f"{n_passed} of {len(records)}", "within their tolerance"),
        *(
            Metric(label, f"{worst.relative_error:.1e}", f"tolerance {worst.tolerance:.1e}")
            for label, group in groups
            if group
            for worst in [_nearest(group)]
        ),
    ]


def sizes_name(record: VerifyRecord) -> str:
    """The sizes of a comparison: "32 heads on 8 K/V heads, width 128, 8,192 tokens, float32"."""
    config, workload = record.config, record.workload
    return (
        f"{config.n_heads} heads on {units.count(config.n_kv_heads, 'K/V head')}, width "
        f"{config.head_dim}, {workload.context_len:,} tokens, {workload.dtype}"
    )


def _nearest(records: Sequence[VerifyRecord]) -> VerifyRecord:
    """The record whose error takes most of its tolerance."""
    return max(records, key=lambda record: record.relative_error / record.tolerance)
