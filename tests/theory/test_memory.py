"""Published cache sizes, to the byte, and what holds for every size."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, Workload
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_cache_bytes,
    kv_elements_per_token,
    kv_read_bytes,
    reduction_vs_mha,
    tokens_to_fill,
)
from tests.anchors import DEEPSEEK_V3


def deepseek_with(n_kv_heads):
    return GroupedConfig(n_heads=128, n_kv_heads=n_kv_heads, head_dim=128)


@pytest.mark.parametrize(
    ("attention", "n_layers", "kv_format", "expected"),
    [
        # DeepSeek-V3 as it is: (512 + 64) x 61 x 2 B; ISCA'25, Table 1 (70.272 KB).
        (DEEPSEEK_V3, 61, "bf16", 70_272),
        # The same model with 128, 8 or 1 K/V heads: 2 x heads x 128 x 61 x 2 B.
        (deepseek_with(128), 61, "bf16", 3_997_696),
        (deepseek_with(8), 61, "bf16", 249_856),
        (deepseek_with(1), 61, "bf16", 31_232),
        # Llama-3.1-8B: 2 x 8 x 128 x 32 x 2 B.
        (GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128), 32, "bf16", 131_072),
        # OPT-13B (PagedAttention paper, 800 KiB): 2 x 40 x 128 x 40 x 2 B.
        (GroupedConfig(n_heads=40, n_kv_heads=40, head_dim=128), 40, "fp16", 819_200),
        # Naive MLA of DeepSeek-V3: 128 x (128 + 64 + 128) = 40,960 elements per layer.
        (DEEPSEEK_V3.expanded, 1, "fp8", 40_960),
        # DeepSeek-V2, Table 9: 27 layers of 16 heads, MHA 110,592 and MLA 15,552 elements.
        (GroupedConfig(n_heads=16, n_kv_heads=16, head_dim=128), 27, "fp8", 110_592),
        (DEEPSEEK_V3, 27, "fp8", 15_552),
    ],
)
def test_published_bytes_per_token(attention, n_layers, kv_format, expected):
    assert kv_bytes_per_token(ModelConfig.uniform(attention, n_layers), kv_format) == expected


@pytest.mark.parametrize(
    ("n_heads", "n_kv_heads", "n_layers", "context_len", "gibibytes"),
    [
        # Llama-3.1-8B, 131,072 B per token: x 1,024 = 2^27; x 128,000 / 2^30
        (32, 8, 32, 1024, 0.125),
        (32, 8, 32, 128_000, 15.625),
        # OPT-13B, 819,200 B per token: x 2,048 / 2^30
        (40, 40, 40, 2048, 1.5625),
    ],
)
def test_published_caches_in_gibibytes(n_heads, n_kv_heads, n_layers, context_len, gibibytes):
    attention = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=128)
    model = ModelConfig.uniform(attention, n_layers)
    assert kv_cache_bytes(model, Workload(context_len=context_len), "bf16") == gibibytes * 2**30


def test_deepseek_v2_s_latent_is_equal_to_gqa_with_2_25_groups():
    # (512 + 64) x 60 layers = 34,560 elements per token; 576 / (2 x 128) = 2.25
    v2 = ModelConfig.uniform(DEEPSEEK_V3, 60)
    assert kv_bytes_per_token(v2, "fp8") == 34_560
    assert kv_elements_per_token(DEEPSEEK_V3) / kv_elements_per_token(deepseek_with(1)) == 2.25


@pytest.mark.parametrize(
    ("attention", "gigabytes"),
    # The lecture's DeepSeek, 400 GB against 3 GB: at 100,000 tokens of 2 bytes, decimal GB.
    [(deepseek_with(128), 399.77), (deepseek_with(1), 3.12), (DEEPSEEK_V3, 7.03)],
)
def test_the_lecture_s_400_gb_hold_at_100000_tokens(attention, gigabytes):
    model = ModelConfig.uniform(attention, n_layers=61)
    n_bytes = kv_cache_bytes(model, Workload(context_len=100_000), "bf16")
    assert round(n_bytes / 1e9, 2) == gigabytes


def test_llama_2_7b_at_4096_tokens_is_two_gibibytes_exactly():
    model = ModelConfig.uniform(GroupedConfig(n_heads=32, n_kv_heads=32, head_dim=128), 32)
    assert kv_cache_bytes(model, Workload(context_len=4096), "fp16") == 2_147_483_648


@pytest.mark.parametrize(
    ("attention", "expected"),
    [
        (GroupedConfig(n_heads=128, n_kv_heads=8, head_dim=128), 16),  # the lecture's N / G
        (GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128), 4),
        (GroupedConfig(n_heads=32, n_kv_heads=32, head_dim=128), 1),
        (DEEPSEEK_V3, 128 * (128 + 128) / (512 + 64)),  # 56.89
    ],
)
def test_reduction_vs_mha(attention, expected):
    assert reduction_vs_mha(attention) == expected


def test_a_window_layer_keeps_its_window_and_no_more():
    attention = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=64)
    full = LayerGroup(attention=attention, n_layers=3)
    local = LayerGroup(attention=attention, n_layers=5, window=100)
    model = ModelConfig(layer_groups=(full, local))
    per_layer = kv_elements_per_token(attention) * 2
    long, short = Workload(context_len=1000, batch_size=4), Workload(context_len=50)
    assert kv_cache_bytes(model, long, "bf16") == 4 * per_layer * (3 * 1000 + 5 * 100)
    assert kv_cache_bytes(model, short, "bf16") == per_layer * 8 * 50


sizes = st.integers(1, 32)


@given(sizes, sizes, sizes, st.integers(1, 1000), st.integers(1, 2**24), st.integers(1, 2**20))
def test_bytes_are_linear_in_all_but_the_shared_heads(k, g, d, n_layers, context_len, batch_size):
    attention = GroupedConfig(n_heads=k * g, n_kv_heads=k, head_dim=d)
    model = ModelConfig.uniform(attention, n_layers)
    workload = Workload(context_len=context_len, batch_size=batch_size)
    expected = 2 * k * d * n_layers * context_len * batch_size * 2
    assert kv_cache_bytes(model, workload, "bf16") == expected
    assert kv_read_bytes(model, workload, "bf16") == expected
    assert kv_bytes_per_token(model, "bf16") * context_len * batch_size == expected
    assert kv_cache_bytes(model, workload, "fp32") == 2 * expected
    assert reduction_vs_mha(attention) == g


@given(sizes, sizes, sizes, st.integers(1, 2**20), st.integers(1, 1000), st.integers(1, 1000))
def test_more_context_or_more_k_v_heads_never_take_fewer_bytes(k, g, d, context_len, more, window):
    attention = GroupedConfig(n_heads=k * g, n_kv_heads=k, head_dim=d)
    runs = (
        LayerGroup(attention=attention, n_layers=2),
        LayerGroup(attention=attention, n_layers=1, window=window),
    )
    short = kv_cache_bytes(
        ModelConfig(layer_groups=runs), Workload(context_len=context_len), "int4_g32"
    )
    longer = Workload(context_len=context_len + more)
    assert kv_cache_bytes(ModelConfig(layer_groups=runs), longer, "int4_g32") >= short
    mha = ModelConfig(
        layer_groups=tuple(replace(run, attention=attention.mha_baseline) for run in runs)
    )
    assert kv_cache_bytes(mha, Workload(context_len=context_len), "int4_g32") >= short
    batch = Workload(context_len=context_len, batch_size=3)
    assert kv_cache_bytes(ModelConfig(layer_groups=runs), batch, "int4_g32") == 3 * short


def test_an_unknown_format_is_refused_with_those_that_exist():
    model = ModelConfig.uniform(deepseek_with(8), 1)
    with pytest.raises(ValueError, match=r"kv_format must be one of fp32, .*: got 'x'"):
        kv_bytes_per_token(model, "x")


def test_the_lecture_s_400_gb_are_reached_just_after_100_000_tokens():
    # 128 heads x (128 + 128) x 61 layers x 2 B = 3,997,696 B/token; 400e9 / that = 100,057.6
    deepseek = ModelConfig.uniform(DEEPSEEK_V3.mha_baseline, 61)
    assert tokens_to_fill(400 * 10**9, deepseek, 1, "bf16") == 100_058
    assert tokens_to_fill(400 * 10**9, deepseek, 2, "bf16") == 50_029
    assert tokens_to_fill(3_997_696, deepseek, 1, "bf16") == 1
    window = ModelConfig(layer_groups=(LayerGroup(attention=DEEPSEEK_V3, n_layers=1, window=8),))
    with pytest.raises(ValueError, match="see the whole context"):
        tokens_to_fill(1, window, 1, "bf16")
