"""Crossovers: wins that the spread cannot explain, brackets that shrink, and what hides them."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.crossover import (
    N_INITIAL_CONTEXTS,
    attend_share,
    context_independent_s,
    crossover,
    next_context,
    pair_with_mha,
    search_contexts,
    search_rows,
)
from tests.records import fake_records as samples

MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)


def rows(layer, times, **more):
    """Rows of one layer: the samples of attend by context; a step is that and 8 ms more."""
    return [
        samples.row(
            spec=samples.point(layer, context_len=context_len),
            attend=attend,
            step_samples=[0.008 + seconds for seconds in attend],
            **more,
        )
        for context_len, attend in times.items()
    ]


def steady(times):
    return {context_len: [time] * 3 for context_len, time in times.items()}


def paired(mha, gqa):
    return pair_with_mha([*rows(MHA, mha), *rows(GQA, gqa)])["GQA-2"]


def test_a_variant_crosses_over_where_it_begins_to_win_for_good():
    mha = steady({64: 0.001, 128: 0.002, 256: 0.004, 512: 0.008})
    wins = crossover(paired(mha, steady({64: 0.002, 128: 0.002, 256: 0.003, 512: 0.003})), "step")
    assert (wins.first_win, wins.last_non_win, wins.bracket) == (256, 128, (128, 256))
    always = crossover(paired(mha, steady(dict.fromkeys(mha, 0.0005))), "attend")
    assert (always.first_win, always.last_non_win, always.bracket) == (64, None, None)
    never = crossover(paired(mha, steady(dict.fromkeys(mha, 0.008))), "attend")
    assert (never.first_win, never.last_non_win, never.bracket) == (None, 512, None)


def test_a_variant_that_wins_at_short_contexts_alone_crosses_back():
    mha = steady(dict.fromkeys((64, 128, 256), 0.004))
    back = crossover(paired(mha, steady({64: 0.003, 128: 0.003, 256: 0.005})), "attend")
    assert (back.first_win, back.last_win, back.bracket) == (None, 128, (128, 256))
    torn = crossover(paired(mha, steady({64: 0.005, 128: 0.003, 256: 0.005})), "attend")
    assert (torn.first_win, torn.last_win, torn.bracket) == (None, None, None)


def test_a_context_of_unusable_samples_decides_nothing():
    mha, gqa = (steady(dict.fromkeys((64, 128, 256), time)) for time in (0.004, 0.003))
    slow = rows(GQA, {128: [0.005, 0.009, 0.009]})  # its 5th percentile may be any of them
    undisturbed_rows = [row for row in rows(GQA, gqa) if row.context_len != 128]
    (results,) = pair_with_mha([*rows(MHA, mha), *undisturbed_rows, *slow]).values()
    assert [result.is_valid for result in results] == [True, False, True]
    wins = crossover(results, "attend")
    assert (wins.contexts, wins.first_win, wins.last_non_win) == ((64, 256), 64, None)


def test_a_win_that_is_lost_again_at_a_longer_context_does_not_count():
    mha = steady(dict.fromkeys((64, 128, 256, 512), 0.004))
    gqa = steady({64: 0.003, 128: 0.003, 256: 0.005, 512: 0.003})
    assert crossover(paired(mha, gqa), "attend").bracket == (256, 512)


def test_a_win_within_the_intervals_is_no_win():
    # Of 20 samples the 4th is the upper end of the interval of the 5th percentile: P(X < 4) = 98.4%
    mha = {64: [0.00400, 0.00402, 0.00404, 0.00406, *[0.006] * 16]}
    (inside,) = paired(mha, {64: [0.0039, 0.0039, 0.0039, 0.00401, *[0.005] * 16]})
    (below,) = paired(mha, {64: [0.0039, 0.0039, 0.0039, 0.00399, *[0.005] * 16]})
    assert not inside.is_win("attend")
    assert not inside.is_loss("attend")
    assert below.is_win("attend")
    ratio = below.ratio("attend")
    assert (ratio.q1, ratio.q3) == pytest.approx((0.0039 / 0.00406, 0.00399 / 0.004))
    assert ratio.median == pytest.approx(0.0039 / 0.004019)  # at 0.95 of the way to the 2nd
    assert inside.is_valid


def test_slow_samples_beside_fast_ones_do_not_hide_a_win():
    mha = {64: [*[0.004] * 8, *[0.1] * 12]}
    (result,) = paired(mha, {64: [*[0.003] * 8, *[0.5] * 12]})
    assert result.is_valid
    assert result.is_win("attend")


def test_an_interval_wider_than_half_of_the_time_decides_nothing():
    mha = steady({64: 0.004})
    (wide,) = paired(mha, {64: [0.001, 0.001, 0.001, 0.0016, *[0.002] * 16]})
    assert wide.is_win("attend")
    assert not wide.is_valid
    assert crossover([wide], "attend").contexts == ()


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 50)] * 2), min_size=1, max_size=8))
def test_every_context_from_the_first_win_on_is_won_and_the_one_before_is_not(times):
    contexts = [64 * 2**power for power in range(len(times))]
    mha, own = (
        steady({c: 1e-3 * pair[side] for c, pair in zip(contexts, times, strict=True)})
        for side in (0, 1)
    )
    results = paired(mha, own)
    wins = crossover(results, "attend")
    won = {result.context_len: result.is_win("attend") for result in results}
    if wins.first_win is not None:
        assert all(won[c] for c in contexts if c >= wins.first_win)
    if wins.last_non_win is not None:
        assert not won[wins.last_non_win]
    if wins.bracket:
        assert wins.bracket in set(pairwise(contexts))


@settings(deadline=None)
@given(st.integers(1, 2**24))
def test_a_search_starts_with_few_contexts_up_to_its_bound(bound):
    contexts = search_contexts(bound)
    assert len(contexts) <= N_INITIAL_CONTEXTS
    assert contexts[-1] == bound
    assert list(contexts) == sorted(set(contexts))
    assert bound < 64 or contexts[0] == 64


def test_a_search_doubles_up_to_16k_and_takes_larger_steps_beyond():
    assert search_contexts(16384) == (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
    assert search_contexts(1000) == (64, 128, 256, 512, 1000)
    assert search_contexts(2**20) == (64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
    assert search_contexts(32) == (32,)


def test_the_widest_bracket_is_halved_next_until_it_is_narrow():
    mha = steady({64: 0.001, 128: 0.002, 256: 0.004})
    gqa = steady({64: 0.002, 128: 0.002, 256: 0.003})
    results = paired(mha, gqa)
    assert next_context({"GQA-2": results}) == 192
    closer = paired(mha | steady({192: 0.003, 160: 0.0025}), gqa | steady({192: 0.002, 160: 0.003}))
    assert crossover(closer, "attend").bracket == (160, 192)
    assert next_context({"GQA-2": closer}) is None
    assert next_context({"GQA-2": paired(mha, mha)}) is None
    # one variant between 128 and 256, the other between 64 and 256: the wider first
    assert next_context({"a": results, "b": [results[0], results[2]]}) == 160


def test_variants_are_held_against_the_mha_of_their_context_by_name():
    mla = default_mla_for(8, 16)
    naive = samples.row(spec=samples.point(mla, context_len=64, kernel="naive"), kernel_ran="naive")
    every = [*rows(MHA, steady({64: 0.002})), *rows(GQA, steady({64: 0.001, 128: 0.001}))]
    wins = pair_with_mha([*every, naive])
    assert {name: len(results) for name, results in wins.items()} == {"GQA-2": 1, "MLA naive": 1}
    assert wins["GQA-2"][0].own.config == GQA
    assert naive.config == mla


def test_what_was_measured_again_counts_as_it_was_the_last_time():
    first = [*rows(MHA, steady({64: 0.002})), *rows(GQA, steady({64: 0.003}))]
    again = [*rows(MHA, steady({64: 0.002})), *rows(GQA, steady({64: 0.001}))]
    (result,) = pair_with_mha([*first, *again])["GQA-2"]
    assert result.ratio("attend").median == pytest.approx(0.5)


def test_the_floor_is_what_does_not_attend():
    (row,) = rows(MHA, steady({64: 0.001}))  # project, append and output take 1 ms each
    assert context_independent_s(row).median == pytest.approx(0.003)
    assert attend_share(row) == pytest.approx(0.25)


def run_rows(name, contexts, when="2026-11-23"):
    times = steady(dict.fromkeys(contexts, 0.002))
    header = {"run_id": name, "created_at": f"{when}T20:00:00+00:00"}
    return [*rows(MHA, times, **header), *rows(GQA, times, **header)]


def test_the_newest_run_that_went_all_the_way_is_read_and_else_the_newest_begun():
    complete = run_rows("complete", search_contexts(1024), "2026-11-20")
    bench = run_rows("bench", (64, 256, 1024), "2026-11-24")  # leaves doublings out
    begun = run_rows("begun", (64, 128), "2026-11-23")
    newer = run_rows("newer", (64, 128, 256, 192, 512, 1024), "2026-11-22")
    assert {
        row.record.run_id for row in search_rows([*complete, *newer, *bench, *begun], 1024)
    } == {"newer"}
    assert {row.record.run_id for row in search_rows([*bench, *begun], 1024)} == {"begun"}
    assert search_rows(bench, 1024) == []
    assert search_rows([], 1024) == []


def test_a_run_that_went_further_answers_a_nearer_bound_up_to_it():
    wins = search_rows(run_rows("complete", search_contexts(16384)), 512)
    assert [row.context_len for row in wins] == [64, 128, 256, 512] * 2


def test_a_search_is_read_without_a_point_that_failed_but_not_without_mha():
    complete = run_rows("complete", search_contexts(512))
    failed = [row for row in complete if (row.variant, row.context_len) != ("MHA", 128)]
    assert search_rows(failed, 512) == failed
    assert search_rows([row for row in complete if row.variant == "GQA"], 512) == []
