"""The search: what it measures first, how it closes in, and that it ends."""

import pytest

from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.crossover import crossover, pair_with_mha
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import DecodeRecord
from gqa_core.runner.search import N_BISECTIONS, CrossoverSearch
from tests.records.fake_records import measured

MHA, GQA, MQA = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 2, 1))
CROSSOVERS = {"MHA": 0, "GQA": 700, "MQA": 300, "MLA": 5000}


def search(grouped=(GQA, MQA), latent=None, max_context_len=4096):
    return CrossoverSearch(
        mha=MHA,
        grouped=grouped,
        latent=latent,
        max_context_len=max_context_len,
        n_samples=5,
    )


def timed(point):
    """A record as a machine would give it: MHA takes 1 us a token, a variant less and a floor."""
    context_len, variant = point.workload.context_len, point.attention.variant
    floor = 1e-6 * CROSSOVERS[variant] / 2
    attend = floor + 1e-6 * context_len * (1 if variant == "MHA" else 0.5)
    kernel = point.kernel if variant == "MLA" else "packed"
    answer = measured(attend=[attend] * 3, step=0.003 + attend, kernel_ran=kernel)
    run = RunHeader(run_id="run-1", git_commit=None)
    return DecodeRecord.from_measurement(point, answer, run, 0)


def run_search(search):
    """All that a search measures, in order, where nothing fails."""
    points, records = search.initial_specs, []
    while points:
        records += map(timed, points)
        points = search.next_specs(records)
    return records


def test_a_search_starts_with_all_variants_side_by_side_at_each_context():
    points = search(latent=default_mla_for(8, 16), max_context_len=100).initial_specs
    order = [(point.workload.context_len, point.attention.variant) for point in points]
    variants = ["MHA", "GQA", "MQA", "MLA", "MLA"]
    assert order == [(context, variant) for context in (64, 100) for variant in variants]
    assert {point.n_samples for point in points} == {5}


def test_a_search_closes_in_on_where_each_variant_begins_to_win():
    pairs = pair_with_mha(map(DecodeRow.from_record, run_search(search())))
    low, high = crossover(pairs["GQA-2"], "attend").bracket
    assert low < 700 <= high
    assert high - low <= 256
    low, high = crossover(pairs["MQA"], "attend").bracket
    assert low < 300 <= high
    assert high - low <= 128


def test_a_search_measures_at_most_three_contexts_more_and_says_how_many_points():
    bounded = search(latent=default_mla_for(8, 16), max_context_len=2**20)
    records = run_search(bounded)
    contexts = {record.workload.context_len for record in records}
    assert len(contexts) == 8 + N_BISECTIONS
    assert len(records) == len(bounded.initial_specs) + bounded.max_extra == 5 * (8 + N_BISECTIONS)


def test_nothing_follows_where_nothing_crosses_over():
    bounded = search(latent=None, max_context_len=256)
    assert len(run_search(bounded)) == len(bounded.initial_specs) == 9


@pytest.mark.parametrize("missing", ["MHA", "GQA"])
def test_a_search_goes_on_without_a_point_that_was_not_measured(missing):
    records = [
        record
        for record in map(timed, search().initial_specs)
        if (record.variant, record.workload.context_len) != (missing, 512)
    ]
    assert search().next_specs(records)
    assert search().next_specs([]) == []


def test_mha_is_measured_once_and_needs_something_to_be_held_against():
    twice = search(grouped=(MHA, GQA, GQA), max_context_len=64)
    assert [point.attention for point in twice.initial_specs] == [MHA, GQA]
    with pytest.raises(ValueError, match=r"n_kv_heads must hold a number below n_heads.*got 8"):
        search(grouped=(MHA,))
