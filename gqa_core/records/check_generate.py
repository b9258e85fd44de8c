"""Whether a record of kind generate holds together: lists by length, and bytes by the formula.

The vectors of tokens were normalised, so no number of one exceeds the root of the width. Free of
torch.
"""

from __future__ import annotations

import math

from gqa_core.configs import validate_int
from gqa_core.records import check_lengths, checks
from gqa_core.records.check_decode import SAMPLED
from gqa_core.records.record import Record
from gqa_core.records.specs.decode import MAX_SAMPLES
from gqa_core.records.specs.generate import N_SHOWN, GenerateSpec

FIELDS = (
    "config",
    "workload",
    "way",
    "kernel_asked",
    "kernel_ran",
    "n_warmup",
    "samples_s",
    "totals_s",
    "outputs",
    "memory",
    "warnings",
)
PHASES = tuple(phase for phase in SAMPLED if phase != "step")
ROUNDED = 1.05  # a short float may round a normalised vector up


def check_generate(record: Record) -> None:
    """Nothing, if the fields of kind generate could be a measurement's.

    Raises:
        ValueError: one could not; names it, the rule and what came.
    """
    samples = checks.require_fields("samples_s", record["samples_s"], PHASES)
    totals = checks.require_fields("totals_s", record["totals_s"], PHASES)
    point = GenerateSpec(
        attention=checks.layer(record["config"], grouped=True),
        **check_lengths.workload(record),
        n_samples=check_lengths.n_samples("samples_s.attend", samples["attend"]),
        mode=checks.text("way", record["way"]),
        kernel=checks.text("kernel_asked", record["kernel_asked"]),
    )
    # Many tokens at once are not for split_kv: another kernel takes them, and is named.
    is_handed_on = point.mode == "recomputed" and point.kernel == "split_kv"
    checks.require_kernel_ran("auto" if is_handed_on else point.kernel, record["kernel_ran"])
    validate_int("n_warmup", record["n_warmup"], MAX_SAMPLES, least=0)
    counts = [point.n_samples] * len(point.context_lens)
    for phase in PHASES:
        check_lengths.require_samples(f"samples_s.{phase}", samples[phase], counts)
        check_lengths.require_totals(f"totals_s.{phase}", totals[phase], point.context_lens)
    _require_outputs(record["outputs"], point)
    checks.require_memory(record["memory"], point.formula_bytes, record["device"]["type"])
    checks.require_warnings(record["warnings"])


def _require_outputs(value: object, point: GenerateSpec) -> None:
    n_shown = min(N_SHOWN, point.attention.dim)
    most = ROUNDED * math.sqrt(point.attention.dim)
    for output in check_lengths.by_length("outputs", value, "lists", point.context_lens):
        for number in checks.require_list("outputs", output, "numbers", [n_shown]):
            checks.require_number("outputs", number, -most, most)
