"""Advice on the number of K/V heads: figures by hand, limits, and what may not be said."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.advice import AdviceRequest, advise
from gqa_core.advice.sentences import assumptions, reasons, recommendation
from gqa_core.catalog.models import model
from gqa_core.configs import GroupedConfig, ModelConfig, RecurrentState
from gqa_core.records.reference_runs import reference_runs
from gqa_core.theory.capacity import Deployment
from gqa_core.theory.kv_heads import with_kv_heads

GB, MIB = 10**9, 2**20
H100_BYTES, H100_BANDWIDTH = 81_091 * MIB, 3350 * GB
LAYER = GroupedConfig(n_heads=24, n_kv_heads=8, head_dim=128)
MODEL = ModelConfig.uniform(LAYER, 28)
REQUEST = AdviceRequest(
    model=MODEL,
    weight_bytes=6_425_499_648,  # Llama 3.2 3B in bf16
    weights_kv_heads=8,
    device="H100",
    memory_bytes=H100_BYTES,
    bandwidth_bytes_per_s=H100_BANDWIDTH,
    kv_format="bf16",
    context_len=8192,
    n_users=100,
)


def by_heads(advice):
    return {option.candidate.n_kv_heads: option for option in advice.options}


def test_24_heads_for_100_users_of_8k_on_one_h100_get_4_kv_heads():
    advice = advise(REQUEST)
    assert [option.candidate.n_kv_heads for option in advice.options] == [
        *(24, 12, 8, 6, 4, 3, 2, 1),
        None,
    ]
    # 28 layers x 4 heads x 256 x 2 B = 57,344 B per token, 469,762,048 B per user of 8192;
    # 81,091 MiB x 0.9 - 6.425 GB = 70,101,569,126 B: 149 users; 6 heads: 704,643,072 B, 99 users
    options = by_heads(advice)
    assert options[4].candidate.sizes.sequence_bytes == 469_762_048
    assert options[4].candidate.sizes.max_users == 149
    assert options[6].candidate.sizes.max_users == 99
    assert advice.recommended is options[4]
    assert advice.next_larger is options[6]
    assert recommendation(advice) == (
        "Take 4 K/V heads, the most with which 1 x H100 can serve 100 users of 8,192 tokens."
    )
    # beside 3.3 GiB for the engine: (70,101,569,126 - 3,543,348,019) / 704,643,072 = 94.5
    reason = "99 users of 8,192 tokens fit, 94 to count on, 100 wanted"
    assert options[6].candidate.failures[0].reason == reason
    assert f"With 6 K/V heads, {reason}." in reasons(advice)


def test_a_step_reads_the_weights_and_the_caches_of_the_users_once():
    sizes = by_heads(advise(REQUEST))[4].candidate.sizes
    assert sizes.read_bytes == 6_425_499_648 + 100 * 469_762_048
    assert sizes.step_s == sizes.read_bytes / H100_BANDWIDTH
    assert by_heads(advise(replace(REQUEST, bandwidth_bytes_per_s=None)))[4].candidate.sizes
    slow = advise(replace(REQUEST, max_step_s=0.012))
    # 3 K/V heads read 41.7 GB in 12.4 ms, 2 of them 29.9 GB in 8.9 ms
    assert slow.recommended is by_heads(slow)[2]
    (failure,) = by_heads(slow)[3].candidate.failures
    assert failure.limit == "ms per token"
    assert "12.4 ms" in failure.reason
    assert "12 ms wanted" in failure.reason


def test_users_and_contexts_are_those_of_the_capacity_theory():
    for option in advise(REQUEST).options:
        n_kv_heads = option.candidate.n_kv_heads
        if n_kv_heads is None or n_kv_heads > 8:
            continue
        deployment = Deployment(
            memory_bytes=H100_BYTES,
            weight_bytes=REQUEST.weight_bytes,
            model=ModelConfig.uniform(replace(LAYER, n_kv_heads=n_kv_heads), 28),
            kv_format="bf16",
        )
        assert option.candidate.sizes.max_users == deployment.max_sequences(8192)
        assert option.candidate.sizes.max_context_len == deployment.max_context_len(100)


def test_weights_are_never_less_than_they_are():
    options = by_heads(advise(REQUEST))
    # wk and wv of 4 more heads: 28 layers x 4 x 256 x width x 2 B; at most twice 24 x 128 wide
    assert options[12].candidate.extra_weight_bytes == 28 * 4 * 256 * 6144 * 2
    assert options[8].candidate.extra_weight_bytes == 0
    assert options[1].candidate.extra_weight_bytes == 0  # smaller, but nobody knows by how much
    unknown = by_heads(advise(replace(REQUEST, weights_kv_heads=None)))
    assert unknown[1].candidate.extra_weight_bytes == 0
    assert unknown[2].candidate.extra_weight_bytes == 28 * 256 * 6144 * 2


@pytest.mark.parametrize("hidden", [1536, 3072, 5120, 6144])
def test_extra_weights_cover_every_width_up_to_twice_the_heads(hidden):
    for option in advise(REQUEST).options:
        if (n_kv_heads := option.candidate.n_kv_heads) is not None:
            exact = 28 * (n_kv_heads - 8) * 256 * hidden * 2
            assert option.candidate.extra_weight_bytes >= exact


def test_unknown_weights_are_refused_by_name():
    with pytest.raises(ValueError, match="weight_bytes must be known"):
        replace(REQUEST, weight_bytes=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("context_len", 0),
        ("n_users", 0),
        ("tp", 0),
        ("max_step_s", 0),
        ("max_step_s", float("nan")),
        ("mla_ranks", (0,)),
        ("params", 0),
        ("weights_kv_heads", 0),
    ],
)
def test_impossible_numbers_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(REQUEST, **{field: value})


def test_time_cannot_be_limited_without_a_bandwidth():
    with pytest.raises(ValueError, match="bandwidth_bytes_per_s must be known"):
        replace(REQUEST, bandwidth_bytes_per_s=None, max_step_s=0.01)


def test_a_model_of_states_alone_is_refused():
    states = ModelConfig(
        layer_groups=(),
        n_cacheless_layers=4,
        states=(RecurrentState(kind="state-space", n_layers=4, recurrent_elements=8),),
    )
    with pytest.raises(ValueError, match="layer that caches K and V"):
        replace(REQUEST, model=states)


def test_the_small_models_loss_stands_at_measured_ratios_alone():
    losses = {
        heads: option.loss for heads, option in by_heads(advise(REQUEST, reference_runs())).items()
    }
    # its 8 heads were measured at 1:1, 2:1, 4:1 and 8:1
    assert {heads for heads, loss in losses.items() if loss} == {24, 12, 6, 3}
    assert losses[24].above_mha == 0
    assert (losses[6].n_heads, losses[6].n_kv_heads, losses[6].percent) == (8, 2, 5)
    assert losses[6].n_seeds == 3
    assert losses[6].low <= losses[6].loss <= losses[6].high
    assert losses[None] is None


def test_published_models_of_this_size_are_named_by_their_ratio():
    advice = advise(replace(REQUEST, params=3_212_749_824))
    options = by_heads(advice)
    assert advice.peers.size == "1.6B to 6.4B parameters"
    assert "Llama 3.2 3B" in options[8].chosen_by  # 24 in 8
    assert "Qwen2.5-3B" in options[3].chosen_by  # 16 in 2
    assert options[None].chosen_by == ("MiniCPM3-4B",)
    by_size = advise(REQUEST).peers
    assert by_size.size == "12 to 48 query heads"
    assert all(known.config.layer_groups[0].attention.n_heads >= 12 for known in by_size.models)
    everything = advise(
        replace(
            REQUEST,
            params=10**14,
            model=ModelConfig.uniform(GroupedConfig(n_heads=1, n_kv_heads=1, head_dim=64), 1),
        )
    )
    assert everything.peers.size == "any size, since none is near"


def test_copies_make_fewer_kv_heads_than_gpus_pointless():
    layer = GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128)
    advice = advise(
        replace(REQUEST, model=ModelConfig.uniform(layer, 80), weight_bytes=141 * GB, tp=8)
    )
    options = by_heads(advice)
    assert {heads: option.candidate.sizes.kv_copies for heads, option in options.items()} == {
        **{64: 1, 32: 1, 16: 1, 8: 1, 4: 2, 2: 4, 1: 8},
        None: 8,
    }
    # a GPU keeps one head of 8, 4, 2 or 1: 8 heads cost no byte more
    assert options[8].candidate.sizes.cache_bytes == options[1].candidate.sizes.cache_bytes
    assert [heads for heads, option in options.items() if option.is_efficient] == [
        *(64, 32, 16, 8),
        None,
    ]


def test_heads_that_the_gpus_cannot_split_fail_by_name():
    options = by_heads(advise(replace(REQUEST, tp=4)))
    (failure,) = options[6].candidate.failures
    assert failure.limit == "tp"
    assert failure.reason == "tp must divide n_kv_heads, or be a multiple of it: got 4 and 6"
    assert options[6].candidate.sizes is None
    assert not options[6].is_efficient
    assert advise(replace(REQUEST, tp=7)).recommended is None


def test_a_format_that_latents_cannot_have_fails_mla_alone():
    options = by_heads(advise(replace(REQUEST, kv_format="q8_0,q4_0")))
    assert options[None].candidate.failures[0].limit == "kv_format"
    assert options[4].candidate.can_pass


def test_a_prime_number_of_heads_has_two_candidates_beside_mla():
    prime = replace(
        REQUEST, model=ModelConfig.uniform(replace(LAYER, n_heads=71, n_kv_heads=1, dim=None), 28)
    )
    assert [option.candidate.n_kv_heads for option in advise(prime).options] == [71, 1, None]


def test_without_limits_quality_alone_decides():
    advice = advise(replace(REQUEST, n_users=None))
    assert recommendation(advice) == (
        "Take 24 K/V heads, one for each query head: 1 x H100 can serve 1 user of 8,192 tokens "
        "even with MHA."
    )


def test_a_model_with_mla_keeps_it_if_it_passes():
    known = model("DeepSeek-V3")
    request = replace(
        REQUEST,
        model=known.config,
        weight_bytes=known.params,
        tp=8,
        n_users=64,
        context_len=8192,
        memory_bytes=143_155 * MIB,
        params=known.params,
    )
    advice = advise(request)
    assert advice.recommended.candidate.is_own
    assert recommendation(advice).startswith("Keep MLA with a latent of 512, the model's own")
    # 70,272 B per token on each of 8 GPUs, which all have the whole latent
    assert advice.recommended.candidate.sizes.sequence_bytes == 70_272 * 8192
    assert advice.recommended.candidate.sizes.kv_copies == 8
    ranks = {
        option.candidate.kv_lora_rank
        for option in advise(replace(request, mla_ranks=(256, 1024))).options
    }
    assert ranks == {None, 256, 512, 1024}


def test_mla_is_the_answer_only_if_no_number_of_kv_heads_passes():
    advice = advise(replace(REQUEST, tp=8, n_users=4000, context_len=4096))
    # one head or latent per GPU: 8 x 28 x 256 x 2 B against 28 x 576 x 2 B: heads are smaller
    assert advice.recommended is None or advice.recommended.candidate.variant != "MLA"
    layer = GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=512)
    small = replace(REQUEST, model=ModelConfig.uniform(layer, 28), mla_ranks=(64,), n_users=200)
    sentence = recommendation(advise(small))
    assert sentence.startswith("Take MLA with a latent of 64: 1 x H100 can serve 200 users")
    assert sentence.endswith("and with no number of K/V heads.")


def test_assumptions_name_the_weights_and_the_order_of_quality():
    text = " ".join(assumptions(advise(REQUEST)))
    assert "never worse in quality" in text
    assert "6.43 GB of weights are those with 8 K/V heads" in text


@given(
    n_heads=st.integers(1, 128),
    n_users=st.integers(1, 5000),
    context_len=st.integers(1, 2**17),
    tp=st.sampled_from([1, 2, 3, 4, 8]),
)
def test_the_answer_passes_and_no_number_with_more_heads_does(n_heads, n_users, context_len, tp):
    layer = GroupedConfig(n_heads=n_heads, n_kv_heads=1, head_dim=64)
    advice = advise(
        replace(
            REQUEST,
            model=ModelConfig.uniform(layer, 8),
            n_users=n_users,
            context_len=context_len,
            tp=tp,
            utilisation=Fraction(1, 2),
        )
    )
    grouped = [option.candidate for option in advice.options if option.candidate.n_kv_heads]
    assert [n_heads % candidate.n_kv_heads for candidate in grouped] == [0] * len(grouped)
    if advice.recommended and (heads := advice.recommended.candidate.n_kv_heads):
        assert advice.recommended.candidate.sizes.safe_users >= n_users
        assert not [each for each in grouped if each.n_kv_heads > heads and each.can_pass]
    else:
        assert not any(candidate.can_pass for candidate in grouped)


def test_with_kv_heads_of_its_own_number_is_the_model_itself():
    gemma = model("Gemma 4 31B").config
    assert with_kv_heads(gemma, 16) is gemma
    assert {group.attention.n_kv_heads for group in with_kv_heads(gemma, 8)} == {8}
