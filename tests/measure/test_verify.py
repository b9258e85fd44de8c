"""Comparisons: all pass as they are, and the planted error is caught where it changes anything."""

import pytest

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.measure.verify import measure_verify
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import VerifyRecord
from gqa_core.records.specs.verify import (
    COMPARISONS,
    FORMAT_TOLERANCE,
    QUANTISED,
    TOLERANCE,
    VerifySpec,
)

GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
CAUGHT = {*QUANTISED, *(name for name in COMPARISONS if name.startswith("kernel_"))}


def compared(comparison, **options):
    workload = Workload(context_len=options.pop("context_len", 40), batch_size=2)
    attention = options.pop("attention", GQA)
    point = VerifySpec(comparison=comparison, attention=attention, workload=workload, **options)
    run = RunHeader(run_id="run-1", git_commit=None)
    record = VerifyRecord.from_measurement(point, measure_verify(point, "cpu"), run, 0)
    record.validate()
    return record


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_comparison_passes_as_it_is(comparison, dtype):
    record = compared(comparison, dtype=dtype)
    assert record.passed, record
    format_tolerance = FORMAT_TOLERANCE[QUANTISED[comparison]] if comparison in QUANTISED else 0
    assert record.relative_error <= record.tolerance == max(TOLERANCE[dtype], format_tolerance)
    assert record.relative_error >= format_tolerance / 5  # it is really quantised


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_planted_error_is_caught_wherever_heads_share_or_vectors_have_scales(comparison):
    record = compared(comparison, planted=True)
    assert record.passed == (comparison not in CAUGHT)
    assert record.planted


def test_a_context_of_one_token_compares_too():
    for comparison in COMPARISONS:
        assert compared(comparison, context_len=1).passed


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="comparison must be one of gqa_is_mha"):
        compared("apples_are_pears")
    with pytest.raises(ValueError, match="dtype must be one of"):
        compared("gqa_is_mha", dtype="int8")
    odd = GroupedConfig(n_heads=2, n_kv_heads=1, head_dim=6)  # its MLA would have a RoPE key of 3
    with pytest.raises(ValueError, match="qk_rope_head_dim must be even"):
        compared("absorbed_is_naive", attention=odd)
