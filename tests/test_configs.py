"""Configs: variants from the numbers alone, bounds, and one sentence for each wrong number."""

import pytest

from gqa_core.configs import (
    GroupedConfig,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    Workload,
    default_mla_for,
)

LLAMA = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)


@pytest.mark.parametrize(
    ("n_heads", "n_kv_heads", "variant"),
    [(32, 32, "MHA"), (32, 8, "GQA"), (32, 1, "MQA"), (1, 1, "MHA"), (2, 1, "MQA")],
)
def test_the_variant_follows_from_the_numbers(n_heads, n_kv_heads, variant):
    assert GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=64).variant == variant


def test_derived_defaults_make_equal_layers_equal():
    given = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128, v_head_dim=128, dim=4096)
    assert given == LLAMA
    assert LLAMA.q_per_kv == 4


def test_proportional_latent_is_deepseek_s_head():
    config = default_mla_for(n_heads=128, head_dim=128)
    assert (config.kv_lora_rank, config.qk_rope_head_dim, config.qk_head_dim) == (512, 64, 192)
    assert config.dim == 128 * 128


def test_a_model_of_several_kinds_of_layer_has_no_one_variant():
    other = LayerGroup(attention=default_mla_for(32, 128), n_layers=2, window=1024)
    model = ModelConfig(layer_groups=(LayerGroup(attention=LLAMA, n_layers=30), other))
    assert model.n_layers == 32
    assert model.variant is None
    assert ModelConfig.uniform(LLAMA, 32).variant == "GQA"


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
def test_a_wrong_grouped_number_is_named(wrong, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        GroupedConfig(**{"n_heads": 32, "n_kv_heads": 8, "head_dim": 128} | wrong)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Workload(context_len=0), "context_len must be between 1 and 16777216: got 0"),
        (lambda: Workload(context_len=2**24 + 1), "context_len must be between 1 and 16777216"),
        (lambda: Workload(context_len=1, batch_size=2**20 + 1), "batch_size must be between 1 and"),
        (lambda: ModelConfig.uniform(LLAMA, 1001), "n_layers must be between 1 and 1000: got 1001"),
        (lambda: ModelConfig(layer_groups=()), "at least one group of layers"),
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
