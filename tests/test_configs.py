"""Configs: variants from the numbers alone, bounds, and one sentence per wrong number."""

from typing import get_args

import pytest

from gqa_core.configs import (
    KERNEL_NAMES,
    VARIANTS,
    GroupedConfig,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    Workload,
    default_mla_for,
)
from gqa_core.theory.formats import DTYPE_FORMATS, DtypeName

LLAMA = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)


@pytest.mark.parametrize(
    ("n_heads", "n_kv_heads", "variant"),
    [(32, 32, "MHA"), (32, 8, "GQA"), (32, 1, "MQA"), (1, 1, "MHA"), (2, 1, "MQA")],
)
def test_the_variant_follows_from_the_numbers(n_heads, n_kv_heads, variant):
    assert GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=64).variant == variant


def test_derived_defaults_make_equal_layers_equal():
    explicit = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128, v_head_dim=128, dim=4096)
    assert explicit == LLAMA
    assert LLAMA.q_per_kv == 4


def test_the_default_mla_has_deepseek_s_proportions():
    config = default_mla_for(n_heads=128, head_dim=128)
    assert (config.kv_lora_rank, config.qk_rope_head_dim, config.qk_head_dim) == (512, 64, 192)
    assert config.dim == 128 * 128


def test_a_model_with_different_layers_has_no_single_variant():
    other = LayerGroup(attention=default_mla_for(32, 128), n_layers=2, window=1024)
    model = ModelConfig(layer_groups=(LayerGroup(attention=LLAMA, n_layers=30), other))
    assert model.n_layers == 32
    assert (model.variant, model.attention, model.is_uniform) == (None, None, False)
    assert model.has_window_layers
    uniform = ModelConfig.uniform(LLAMA, 32)
    assert (uniform.variant, uniform.attention, uniform.is_uniform) == ("GQA", LLAMA, True)
    assert not uniform.has_window_layers


def test_layers_that_cache_nothing_count_as_layers():
    group = LayerGroup(attention=LLAMA, n_layers=16)
    hybrid = ModelConfig(layer_groups=(group,), n_cacheless_layers=48)
    assert (hybrid.n_layers, hybrid.n_caching_layers) == (64, 16)
    assert (hybrid.attention, hybrid.is_uniform) == (LLAMA, False)
    assert list(hybrid) == [group]


def test_variants_and_kernels_are_closed_sets():
    assert VARIANTS == ("MHA", "GQA", "MQA", "MLA")
    torch_kernels = "eager", "sdpa", "packed", "matmul"
    assert ("auto", *torch_kernels, "split_kv", "flash", "triton") == KERNEL_NAMES
    assert set(get_args(DtypeName)) == set(DTYPE_FORMATS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"n_kv_heads": 12}, "n_kv_heads must divide n_heads: got 12 and 32"),
        ({"n_kv_heads": 64}, "n_kv_heads must divide n_heads: got 64 and 32"),
        ({"n_heads": 0}, "n_heads must be between 1 and 1024: got 0"),
        ({"n_heads": 1025}, "n_heads must be between 1 and 1024: got 1025"),
        ({"head_dim": 1025}, "head_dim must be between 1 and 1024: got 1025"),
        ({"head_dim": 64.0}, "head_dim must be a whole number: got 64.0"),
        ({"n_kv_heads": True}, "n_kv_heads must be a whole number: got True"),
        ({"v_head_dim": -1}, "v_head_dim must be between 1 and 1024: got -1"),
        ({"dim": 0}, "dim must be between 1 and 1048576: got 0"),
    ],
)
def test_a_wrong_number_of_grouped_heads_is_named(wrong, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        GroupedConfig(**{"n_heads": 32, "n_kv_heads": 8, "head_dim": 128} | wrong)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Workload(context_len=0), "context_len must be between 1 and 16777216: got 0"),
        (lambda: Workload(context_len=2**24 + 1), "context_len must be between 1 and 16777216"),
        (lambda: Workload(context_len=1, batch_size=2**20 + 1), "batch_size must be between 1 and"),
        (lambda: ModelConfig.uniform(LLAMA, 1001), "n_layers must be between 1 and 1000: got 1001"),
        (lambda: ModelConfig(layer_groups=()), "a layer that caches tokens or a state"),
        (
            lambda: ModelConfig(
                layer_groups=(LayerGroup(attention=LLAMA, n_layers=1),), n_cacheless_layers=-1
            ),
            "n_cacheless_layers must be between 0 and 1000: got -1",
        ),
        (
            lambda: ModelConfig(
                layer_groups=(LayerGroup(attention=LLAMA, n_layers=1),), n_cacheless_layers=1000
            ),
            "n_layers must be between 1 and 1000: got 1001",
        ),
        (lambda: LayerGroup(attention=LLAMA, n_layers=1, window=0), "window must be between 1 and"),
        (
            lambda: LatentConfig(
                n_heads=1,
                kv_lora_rank=0,
                qk_rope_head_dim=2,
                qk_nope_head_dim=2,
                v_head_dim=2,
            ),
            "kv_lora_rank must be between 1 and 65536: got 0",
        ),
    ],
)
def test_a_wrong_number_anywhere_else_is_named(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_configs_are_frozen():
    with pytest.raises(AttributeError):
        LLAMA.n_heads = 16
