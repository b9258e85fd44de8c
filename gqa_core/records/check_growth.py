"""Whether a record of kind growth holds together: what a policy holds follows from its numbers.

The samples of a length are the last appends that lead up to it, so a short length has fewer, and
their sum is part of the total. Free of torch.
"""

from __future__ import annotations

from gqa_core.configs import validate_int
from gqa_core.records import check_lengths, checks
from gqa_core.records.record import Record
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.specs.growth import BLOCK_LEN, GrowthSpec

FIELDS = (
    "config",
    "workload",
    "policy",
    "block_len",
    "n_warmup",
    "samples_s",
    "totals_s",
    "held_bytes",
    "worst_waste_bytes",
    "memory",
    "warnings",
)
TIMED = ("append",)
ROUNDED = 1 - 1e-9  # sums of floats


def check_growth(record: Record) -> None:
    """Nothing, if the fields of kind growth could be a measurement's.

    Raises:
        ValueError: one could not; names it, the rule and what came.
    """
    samples = checks.require_fields("samples_s", record["samples_s"], TIMED)["append"]
    totals = checks.require_fields("totals_s", record["totals_s"], TIMED)["append"]
    point = _point(record, check_lengths.n_samples("samples_s.append", samples))
    lengths = point.context_lens
    validate_int("n_warmup", record["n_warmup"], MAX_SAMPLES, least=0)
    counts = [min(length, point.n_samples) for length in lengths]
    check_lengths.require_samples("samples_s.append", samples, counts)
    check_lengths.require_totals("totals_s.append", totals, lengths)
    for recent, total in zip(samples, totals, strict=True):
        if total < ROUNDED * sum(recent):
            raise ValueError(
                f"totals_s.append must be at least its samples, {sum(recent):g}: got {total:g}"
            )
    held = [point.allocated_bytes(length) for length in lengths]
    given = check_lengths.by_length("held_bytes", record["held_bytes"], "numbers of bytes", lengths)
    for n_bytes, expected in zip(given, held, strict=True):
        checks.require_equal("held_bytes", n_bytes, expected)
    waste = record["worst_waste_bytes"]
    checks.require_equal("worst_waste_bytes", waste, point.worst_waste_bytes)
    checks.require_memory(
        record["memory"], point.formula_bytes, record["device"]["type"], tensor_bytes=held[-1]
    )
    checks.require_warnings(record["warnings"])


def _point(record: Record, n_samples: int) -> GrowthSpec:
    paged, block_len = record["policy"] == "paged", record["block_len"]
    if not paged:
        checks.require_equal("block_len", block_len, None)
    return GrowthSpec(
        attention=checks.layer(record["config"], grouped=True),
        **check_lengths.workload(record),
        n_samples=n_samples,
        policy=checks.text("policy", record["policy"]),
        block_len=block_len if paged else BLOCK_LEN,
    )
