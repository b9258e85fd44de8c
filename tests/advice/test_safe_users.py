"""Users to count on decide, windows are told, and what misses a limit is named with its figure."""

from dataclasses import replace

import pytest

from gqa_core.advice import advise
from gqa_core.advice.sentences import reasons, recommendation, window_caveat
from gqa_core.configs import LayerGroup, ModelConfig
from tests.advice.test_advise import GB, LAYER, REQUEST, by_heads


def test_nothing_passes_and_the_closest_limit_is_named_with_its_figure():
    advice = advise(replace(REQUEST, n_users=1000))
    assert advice.recommended is None
    # 1 head: 117,440,512 B per user, 596 users fit; beside the engine's 3.3 GiB
    # 1000 x 117,440,512 / 66,558,221,107 = 1.76
    assert recommendation(advice) == (
        "No candidate passes: 1 x H100 cannot serve 1,000 users of 8,192 tokens. The closest is 1 "
        "K/V head (1.76x over the limit on users): 596 users of 8,192 tokens fit, 566 to count on, "
        "1,000 wanted."
    )
    assert reasons(advice) == ()  # every further GPU would have a copy of the one head


def test_large_and_single_numbers_are_said_in_words():
    sentence = recommendation(advise(replace(REQUEST, n_users=2**20)))
    # 1,048,576 x 117,440,512 / 66,558,221,107
    assert "(1,850x over the limit on users)" in sentence
    advice = advise(replace(REQUEST, n_users=1, context_len=1))
    assert "can serve 1 user of 1 token" in recommendation(advice)
    assert "tokens" not in recommendation(advice)
    crowd = reasons(advise(replace(REQUEST, n_users=2**20, context_len=1)))
    assert any(" of 1 token fit, " in each and "1,048,576 wanted" in each for each in crowd)


def test_weights_without_room_are_named():
    advice = advise(replace(REQUEST, weight_bytes=90 * GB, n_users=1))
    sentence = recommendation(advice)
    assert "the weights leave no room for a cache: 90.00 GB per GPU of 76.53 GB" in sentence
    assert reasons(advice) == ("1 K/V head would fit on 2 GPUs.",)


def test_windows_count_by_the_engine_and_the_other_figure_is_told():
    model_with_windows = ModelConfig(
        layer_groups=(
            LayerGroup(attention=LAYER, n_layers=24, window=1024),
            LayerGroup(attention=LAYER, n_layers=4),
        )
    )
    request = replace(REQUEST, model=model_with_windows)
    ideal = advise(request).recommended.candidate.sizes
    assert ideal.max_users > ideal.max_users_as_allocated
    assert any("reserves the whole context" in reason for reason in reasons(advise(request)))
    reserved = advise(replace(request, engine="as-allocated"))
    assert reserved.recommended.candidate.n_kv_heads == 4  # as without windows
    assert not any("reserves" in reason for reason in reasons(reserved))


def test_a_candidate_whose_users_to_count_on_are_too_few_is_not_recommended():
    advice = advise(replace(REQUEST, n_users=149, overhead_bytes=0))
    (failure,) = by_heads(advice)[4].candidate.failures  # 149 fit
    assert failure.reason == "149 users of 8,192 tokens fit, 141 to count on, 149 wanted"
    assert failure.factor == pytest.approx(149 * 469_762_048 / (70_101_569_126 - 3_543_348_019))
    assert advice.recommended.candidate.n_kv_heads == 3
    assert f"With 4 K/V heads, {failure.reason}." in reasons(advice)


def test_users_that_fit_only_where_windows_free_memory_are_told_first():
    windows = ModelConfig(
        layer_groups=(
            LayerGroup(attention=LAYER, n_layers=24, window=1024),
            LayerGroup(attention=LAYER, n_layers=4),
        )
    )
    request = replace(REQUEST, model=windows)
    advice = advise(request)
    reserved = advice.recommended.candidate.sizes.max_users_as_allocated
    assert reserved < 100
    assert reasons(advice)[0] == window_caveat(advice)
    assert f"holds {reserved} of 100 users" in window_caveat(advice)
    assert not window_caveat(advise(replace(request, engine="as-allocated")))
    few = advise(replace(request, n_users=1))
    assert not window_caveat(few)
    assert any("reserves the whole context" in reason for reason in reasons(few))


@pytest.mark.parametrize("n_users", [1, 9, 10, 64, 103, 110])
@pytest.mark.parametrize("engine", ["ideal", "vllm", "sglang", "as-allocated"])
def test_the_recommended_option_never_denies_its_own_answer(n_users, engine):
    advice = advise(replace(REQUEST, n_users=n_users, engine=engine, overhead_bytes=10**9))
    for option in advice.passing:
        assert option.candidate.sizes.safe_users >= n_users
