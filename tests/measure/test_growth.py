"""Caches grown for real: what each policy holds, wastes and takes at its worst."""

import pytest

from gqa_core.configs import GroupedConfig
from gqa_core.engine.kernels.plan import SPLIT_KV_MIN_CAPACITY
from gqa_core.measure.growth import measure_growth
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import GrowthRecord
from gqa_core.records.specs.growth import POLICIES, GrowthSpec
from gqa_core.runner.workers import Workers

LAYER = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=16)
TOKEN_BYTES = 2 * 2 * 2 * 16 * 4  # 2 layers, K and V, 2 heads, width 16, 4 bytes


def a_point(policy, **options):
    given = {"attention": LAYER, "context_lens": (3, 10), "block_len": 4, "n_samples": 5} | options
    return GrowthSpec(policy=policy, **given)


@pytest.mark.parametrize(
    ("policy", "slots", "worst"),
    [
        ("concatenate", [3, 10], 0),
        ("preallocate", [10, 10], 9),
        ("paged", [4, 12], 3),
    ],
)
def test_a_policy_allocates_and_wastes_as_many_slots(policy, slots, worst):
    point = a_point(policy)
    answer = measure_growth(point, "cpu")
    assert answer.allocated_bytes == tuple(n * TOKEN_BYTES for n in slots)
    assert answer.worst_waste_bytes == worst * TOKEN_BYTES == point.worst_waste_bytes
    assert list(answer.allocated_bytes) == [point.allocated_bytes(n) for n in point.context_lens]
    assert answer.memory.tensor_bytes == slots[-1] * TOKEN_BYTES
    assert [len(samples) for samples in answer.samples_s.append] == [3, 5]
    totals = answer.totals_s.append
    assert 0 < totals[0] < totals[1]
    assert point.required_bytes >= slots[-1] * TOKEN_BYTES
    run = RunHeader(run_id="run-1", git_commit=None)
    record = GrowthRecord.from_measurement(point, answer, run, 0)
    record.validate()
    assert record.block_len == (4 if policy == "paged" else None)


def test_concatenation_holds_a_second_copy_at_its_peak_and_preallocation_none():
    options = {
        "attention": GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=256),
        "context_lens": (600,),
        "n_layers": 1,
    }
    workers = Workers(preload="gqa_core.measure.growth")
    peaks = {}
    for policy in ("concatenate", "preallocate"):
        point = a_point(policy, **options)
        answer = workers.call("gqa_core.measure.growth", "measure_growth", point, "cpu")
        peaks[policy] = answer.memory.peak_bytes / point.formula_bytes  # of 9.4 MiB
    assert peaks["concatenate"] > 1.4  # K or V twice
    assert 0.9 < peaks["preallocate"] < 1.3


def test_the_peak_of_a_long_cache_knows_nothing_of_compiling_its_kernel():
    options = {"attention": GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=32), "n_layers": 1}
    point = a_point("preallocate", context_lens=(16 * SPLIT_KV_MIN_CAPACITY,), **options)
    workers = Workers(preload="gqa_core.measure.growth")
    answer = workers.call("gqa_core.measure.growth", "measure_growth", point, "cpu")
    assert 0.9 < answer.memory.peak_bytes / point.formula_bytes < 1.3  # of 16 MiB


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"policy": "hope"}, f"policy must be one of {', '.join(POLICIES)}: got 'hope'"),
        ({"block_len": 0}, "block_len must be between 1 and"),
        ({"context_lens": (4, 4)}, r"lengths that rise: got \[4, 4\]"),
    ],
)
def test_a_point_that_cannot_be_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        a_point(**({"policy": "paged"} | options))
