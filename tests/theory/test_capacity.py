"""Capacity: by hand for published models, and rules that hold for every deployment."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gqa_core.configs import MAX_CONTEXT_LEN, GroupedConfig, LayerGroup, ModelConfig, RecurrentState
from gqa_core.theory.capacity import MAX_BYTES, Deployment
from gqa_core.theory.sharding import valid_tp_sizes
from tests.anchors import DEEPSEEK_V3

LLAMA_70B = ModelConfig.uniform(GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128), 80)
ON_8 = Deployment(
    memory_bytes=80 * 10**9,
    n_gpus=8,
    weight_bytes=141_107_412_992,  # 70,553,706,496 parameters x 2 B
    model=LLAMA_70B,
    kv_format="bf16",
)
GPT_OSS_LAYER = GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=64)
GPT_OSS_20B = ModelConfig(
    layer_groups=(
        LayerGroup(attention=GPT_OSS_LAYER, n_layers=12, window=128),
        LayerGroup(attention=GPT_OSS_LAYER, n_layers=12),
    )
)
ON_L4 = Deployment(
    memory_bytes=24 * 10**9,
    weight_bytes=13 * 10**9,
    model=GPT_OSS_20B,
    kv_format="bf16",
)


def test_llama_70b_on_eight_gpus_of_80_gb():
    # 80e9 x 0.9 - 141,107,412,992 / 8 = 72,000,000,000 - 17,638,426,624
    assert ON_8.kv_budget_bytes == 54_361_573_376
    # 80 layers x 2 x 1 K/V head per GPU x 128 x 2 B = 40,960 B per token; x 8192
    assert ON_8.sequence_bytes(8192) == 335_544_320
    # 54,361,573,376 / 335,544,320 = 162.01
    assert ON_8.max_sequences(8192) == 162
    # 54,361,573,376 / 32 users / 40,960 B = 41,474.6 tokens
    assert ON_8.max_context_len(32) == 41_474


def test_overhead_is_taken_from_every_gpu():
    besides = replace(ON_8, overhead_bytes=10**9)
    assert besides.kv_budget_bytes == ON_8.kv_budget_bytes - 10**9
    # (33,554,432,000 + 17,638,426,624 + 10^9) / 0.9 = 57,992,065,137.8: rounded up
    assert besides.min_memory_bytes(8192, 100) == 57_992_065_138


def test_llama_70b_needs_two_gpus_for_a_sequence_and_sixteen_save_no_cache():
    # On 2: 72e9 - 70,553,706,496 = 1,446,293,504, and 163,840 B per token x 8192 = 1,342,177,280.
    assert ON_8.min_gpus(8192, 1) == 2
    # On 4: 72e9 - 35,276,853,248 = 36,723,146,752 is room for 54 of 671,088,640 B.
    assert (ON_8.min_gpus(8192, 54), ON_8.min_gpus(8192, 55)) == (4, 8)
    on_16 = replace(ON_8, n_gpus=16)
    assert on_16.sequence_bytes(8192) == ON_8.sequence_bytes(8192)
    assert on_16.weight_bytes_per_gpu == ON_8.weight_bytes_per_gpu / 2


def test_the_memory_that_llama_70b_needs():
    # (33,554,432,000 + 17,638,426,624) / 0.9 = 56,880,954,026.7: rounded up
    assert ON_8.min_memory_bytes(8192, 100) == 56_880_954_027


def test_more_sequences_than_any_split_holds_give_none_and_the_largest_split_shows_why():
    # 64 GPUs still cache one K/V head each: 72e9 - 141,107,412,992 / 64 holds 208 of 335,544,320 B.
    assert valid_tp_sizes(LLAMA_70B) == (1, 2, 4, 8, 16, 32, 64)
    assert (ON_8.min_gpus(8192, 208), ON_8.min_gpus(8192, 209)) == (64, None)
    most = ON_8.with_max_gpus()
    assert (most.n_gpus, most.max_sequences(8192)) == (64, 208)


def test_only_numbers_that_split_the_heads_are_valid():
    six = ModelConfig.uniform(GroupedConfig(n_heads=48, n_kv_heads=6, head_dim=64), 1)
    assert valid_tp_sizes(six) == (1, 2, 3, 6, 12, 24, 48)  # not 4, 8 or 16
    assert valid_tp_sizes(ModelConfig.uniform(DEEPSEEK_V3, 61)) == (1, 2, 4, 8, 16, 32, 64, 128)


def test_gpt_oss_20b_s_windows_make_a_band():
    # A layer's token: 2 x 8 x 64 x 2 B = 2048 B.
    # Ideal: 12 x 2048 x (8192 + 128) x 32 = 6,543,114,240 B = 6.09 GiB.
    # As allocated: 24 x 2048 x 8192 x 32 = 12 GiB.
    assert 32 * ON_L4.sequence_bytes(8192) == 6_543_114_240
    assert 32 * ON_L4.sequence_bytes(8192, as_allocated=True) == 12 * 2**30
    # 24e9 x 0.9 - 13e9 = 8.6e9, over 204,472,320 B = 42.06 and over 402,653,184 B = 21.4
    assert ON_L4.max_sequences(8192) == 42
    assert ON_L4.max_sequences(8192, as_allocated=True) == 21
    # 8.6e9 / 32 = 268,750,000 B; less 12 x 2048 x 128, over 24,576 B = 10,807.5 tokens
    assert ON_L4.max_context_len(32) == 10_807
    # 268,750,000 / 49,152 B = 5,467.7
    assert ON_L4.max_context_len(32, as_allocated=True) == 5_467


def test_with_windows_everywhere_no_context_is_too_long_if_full_windows_fit():
    windowed = replace(
        ON_L4,
        model=ModelConfig(
            layer_groups=(LayerGroup(attention=GPT_OSS_LAYER, n_layers=24, window=128),)
        ),
    )
    # 24 x 2048 x 128 = 6,291,456 B per sequence at any context: 8.6e9 / that = 1366.9
    assert windowed.max_sequences(MAX_CONTEXT_LEN) == 1366
    assert windowed.max_context_len(1366) is None
    assert windowed.max_context_len(1367) == 127
    # 8.6e9 / 1366 / 49,152 B = 128.1
    assert windowed.max_context_len(1366, as_allocated=True) == 128


def test_the_wider_of_two_windows_must_fit():
    runs = tuple(LayerGroup(attention=GPT_OSS_LAYER, n_layers=1, window=w) for w in (10, 1000))
    # full windows: 2048 x 1010 = 2,068,480 B per sequence; a byte less ends at 999 tokens
    exactly = replace(
        ON_L4,
        model=ModelConfig(layer_groups=runs),
        weight_bytes=0,
        utilisation=Fraction(1),
        memory_bytes=2_068_480,
    )
    assert exactly.max_context_len(1) is None
    assert replace(exactly, memory_bytes=2_068_479).max_context_len(1) == 999


def test_a_context_that_fits_to_the_byte_fits():
    exactly = replace(ON_8, utilisation=Fraction(1), memory_bytes=17_638_426_624 + 40_960 * 8192)
    assert (exactly.max_context_len(1), exactly.max_sequences(8192)) == (8192, 1)


def test_a_context_stops_at_the_maximum():
    small = ModelConfig.uniform(GroupedConfig(n_heads=1, n_kv_heads=1, head_dim=1), 1)
    assert replace(ON_L4, model=small).max_context_len(1) == MAX_CONTEXT_LEN


def test_every_gpu_holds_all_of_a_latent_so_more_gpus_split_only_the_weights():
    deepseek = replace(ON_8, model=ModelConfig.uniform(DEEPSEEK_V3, 61), weight_bytes=671 * 10**9)
    assert deepseek.sequence_bytes(1) == replace(deepseek, n_gpus=16).sequence_bytes(1) == 70_272


def test_every_data_parallel_rank_has_weights_and_sequences_of_its_own():
    two = replace(ON_8, dp=2)
    assert two.world == 16
    assert two.kv_budget_bytes == ON_8.kv_budget_bytes
    assert two.max_sequences(8192) == 2 * ON_8.max_sequences(8192)
    assert two.max_context_len(64) == ON_8.max_context_len(32) == two.max_context_len(63)
    assert two.min_memory_bytes(8192, 200) == ON_8.min_memory_bytes(8192, 100)


def test_stages_split_weights_and_layers():
    staged = replace(ON_8, n_gpus=2, pp=4)
    # 20 of 80 layers, 4 of 8 K/V heads
    assert staged.sequence_bytes(8192) == 20 * 4 * 2 * 128 * 2 * 8192
    assert staged.weight_bytes_per_gpu == ON_8.weight_bytes_per_gpu


def test_context_parallel_ranks_split_the_tokens_of_a_latent():
    deepseek = replace(ON_8, model=ModelConfig.uniform(DEEPSEEK_V3, 61), weight_bytes=0)
    assert replace(deepseek, dcp=8).sequence_bytes(8192) * 8 == deepseek.sequence_bytes(8192)
    assert replace(deepseek, dcp=8, n_gpus=16).with_max_gpus().n_gpus == 128


def test_an_engine_s_rules_say_what_a_sequence_takes():
    # 16 tokens per block: 100 tokens take 7 blocks
    on_vllm = replace(ON_8, engine="vllm")
    assert on_vllm.sequence_bytes(100) == ON_8.sequence_bytes(112)
    assert on_vllm.sequence_bytes(100, as_allocated=True) == ON_8.sequence_bytes(100)
    assert sum(part.allocated_bytes for part in on_vllm.allocation(100).parts) == (
        on_vllm.sequence_bytes(100)
    )


def test_states_are_part_of_a_sequence():
    state = RecurrentState(kind="state-space", n_layers=10, recurrent_elements=80_000)
    hybrid = replace(ON_8, model=replace(LLAMA_70B, states=(state,)))
    assert hybrid.sequence_bytes(1) == ON_8.sequence_bytes(1) + 10 * 80_000 * 4 // 8
    stateful = ModelConfig(layer_groups=(), n_cacheless_layers=10, states=(state,))
    states = replace(ON_8, model=stateful, n_gpus=1, weight_bytes=0)
    assert states.max_context_len(1) is None
    # 72e9 / 3,200,000
    assert states.max_sequences(10**6) == 22_500


def test_weights_that_do_not_fit_leave_no_budget():
    on_one = replace(ON_8, n_gpus=1)
    assert on_one.kv_budget_bytes == 72_000_000_000 - 141_107_412_992
    assert (on_one.max_sequences(1), on_one.max_context_len(1)) == (0, 0)
    assert not on_one.fits(1, 1)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"utilisation": Fraction(0)}, r"utilisation must be a Fraction .* got Fraction\(0, 1\)"),
        ({"utilisation": Fraction(11, 10)}, "utilisation must be a Fraction above 0 and up to 1"),
        ({"utilisation": 0.9}, "utilisation must be a Fraction above 0 and up to 1: got 0.9"),
        ({"memory_bytes": 0}, "memory_bytes must be between 1 and"),
        ({"weight_bytes": -1}, "weight_bytes must be between 0 and"),
        ({"overhead_bytes": -1}, "overhead_bytes must be between 0 and"),
        ({"weight_bytes": 1.5}, "weight_bytes must be a whole number: got 1.5"),
        ({"n_gpus": 3}, "tp must divide n_heads: got 3 and 64"),
        ({"dcp": 3}, "dcp must divide tp: got 3 and 8"),
        ({"pp": 81}, "pp must be at most the number of layers: got 81 and 80"),
        ({"engine": "llama.cpp", "dcp": 2}, "llama.cpp has no decode context parallelism"),
        ({"kv_format": "int3"}, "kv_format must be one of"),
        ({"kv_format": "fp8_ds_mla"}, "is for MLA alone"),
    ],
)
def test_an_impossible_deployment_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(ON_8, **wrong)


def test_zero_users_are_refused():
    with pytest.raises(ValueError, match="n_users must be between 1 and"):
        ON_8.max_context_len(0)


powers = st.integers(0, 4).map(lambda power: 2**power)
contexts = st.integers(1, 2**20)
users = st.integers(1, 4096)


@st.composite
def deployments(draw):
    n_kv_heads = draw(powers)
    layer = GroupedConfig(
        n_heads=16 * n_kv_heads, n_kv_heads=n_kv_heads, head_dim=draw(st.sampled_from([48, 64]))
    )
    windows = draw(st.lists(st.none() | st.integers(1, 5000), min_size=1, max_size=3))
    runs = tuple(
        LayerGroup(attention=layer, n_layers=draw(st.integers(1, 40)), window=window)
        for window in windows
    )
    return Deployment(
        memory_bytes=draw(st.integers(10**6, 10**12)),
        weight_bytes=draw(st.integers(0, 10**11)),
        n_gpus=draw(powers),
        utilisation=Fraction(draw(st.integers(1, 100)), 100),
        model=ModelConfig(layer_groups=runs),
        kv_format=draw(st.sampled_from(["bf16", "fp8", "int4_g64", "int8_per_token_head"])),
    )


both = pytest.mark.parametrize("as_allocated", [False, True], ids=["ideal", "as allocated"])


@both
@given(deployments(), contexts)
def test_the_most_sequences_fit_and_one_more_does_not(as_allocated, deployment, context_len):
    n_sequences = deployment.max_sequences(context_len, as_allocated=as_allocated)
    if deployment.kv_budget_bytes >= 0:
        assert deployment.fits(context_len, n_sequences, as_allocated=as_allocated)
    assert not deployment.fits(context_len, n_sequences + 1, as_allocated=as_allocated)


@both
@given(deployments(), users)
def test_the_longest_context_fits_and_one_token_more_does_not(as_allocated, deployment, n_users):
    longest = deployment.max_context_len(n_users, as_allocated=as_allocated)
    if longest is None:
        assert deployment.fits(MAX_CONTEXT_LEN, n_users)
        return
    if longest:
        assert deployment.fits(longest, n_users, as_allocated=as_allocated)
    if longest < MAX_CONTEXT_LEN:
        assert not deployment.fits(longest + 1, n_users, as_allocated=as_allocated)


@both
@given(deployments(), contexts, users)
def test_the_memory_needed_is_enough_and_a_byte_less_is_not(as_allocated, deployment, length, n):
    needed = deployment.min_memory_bytes(length, n, as_allocated=as_allocated)
    assume(2 <= needed <= MAX_BYTES)
    assert replace(deployment, memory_bytes=needed).fits(length, n, as_allocated=as_allocated)
    less = replace(deployment, memory_bytes=needed - 1)
    assert not less.fits(length, n, as_allocated=as_allocated)


@both
@given(deployments(), contexts, users)
def test_the_gpus_needed_are_enough_and_fewer_are_not(as_allocated, deployment, length, n):
    needed = deployment.min_gpus(length, n, as_allocated=as_allocated)
    for n_gpus in valid_tp_sizes(deployment.model):
        enough = replace(deployment, n_gpus=n_gpus).fits(length, n, as_allocated=as_allocated)
        assert enough == (needed is not None and n_gpus >= needed)


@both
@given(deployments(), contexts, contexts, st.integers(0, 10**11))
def test_more_memory_fits_no_fewer_sequences_and_a_longer_context_no_more(
    as_allocated, deployment, a, b, more
):
    short, long = sorted((a, b))
    fewer_bytes = deployment.max_sequences(short, as_allocated=as_allocated)
    assert deployment.max_sequences(long, as_allocated=as_allocated) <= fewer_bytes
    larger = replace(deployment, memory_bytes=deployment.memory_bytes + more)
    assert larger.max_sequences(short, as_allocated=as_allocated) >= fewer_bytes


@given(deployments(), contexts, users)
def test_memory_is_linear_in_users_at_full_utilisation_without_weights(deployment, length, n):
    plain = replace(deployment, utilisation=Fraction(1), weight_bytes=0)
    assert plain.min_memory_bytes(length, n) == n * plain.min_memory_bytes(length, 1)


@given(deployments(), contexts, users)
def test_as_allocated_never_fits_more_than_ideal(deployment, length, n):
    most = [deployment.max_sequences(length, as_allocated=each) for each in (True, False)]
    assert most == sorted(most)
    assert deployment.min_memory_bytes(length, n) <= deployment.min_memory_bytes(
        length, n, as_allocated=True
    )
