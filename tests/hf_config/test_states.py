"""States per sequence, from widths: the elements of tiny models of huggingface/transformers 5.24.

Its cache keeps all k inputs of a convolution, of which the oldest is not needed: k - 1 here.
"""

import pytest

from tests.hf_config.configs import LLAMA, layers, parse, report
from tests.hf_config.importer_configs import FALCON_H1, NEMOTRON, RECURRENT_GEMMA, ZAMBA_2

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
GATED_DELTA = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
}
MAMBA_2 = {
    "mamba_d_state": 8,
    "mamba_n_heads": 8,
    "mamba_d_head": 8,
    "mamba_n_groups": 2,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
}
HALF = ["linear_attention", "full_attention"] * 2


@pytest.mark.parametrize(
    ("config", "kind", "conv", "recurrent"),
    [
        # 2 x 2 x 8 + 4 x 16 channels; a matrix of 8 x 16 for each of 4 heads
        (TINY | GATED_DELTA | {"layer_types": HALF}, "linear attention", 96 * 3, 512),
        # Kimi: q, k and v of 4 heads of 8; the object of its files, and newer libraries' keys
        (
            TINY
            | {
                "linear_attn_config": {"full_attn_layers": [2, 4], "num_heads": 4, "head_dim": 8}
                | {"short_conv_kernel_size": 4}
            },
            "linear attention",
            96 * 3,
            256,
        ),
        (
            TINY
            | {"layer_types": HALF, "linear_num_heads": 4, "linear_head_dim": 8}
            | {"linear_conv_kernel_dim": 4},
            "linear attention",
            96 * 3,
            256,
        ),
        # Mamba-2: 64 channels, B and C of 2 groups of 8
        (TINY | MAMBA_2 | {"layer_types": ["mamba", "attention"] * 2}, "state-space", 96 * 3, 512),
        (TINY | MAMBA_2 | {"layer_types": HALF}, "state-space", 96 * 3, 512),
        # Mamba: 2 x 32 channels
        (
            TINY
            | {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8}
            | {"mamba_d_conv": 4, "mamba_expand": 2},
            "state-space",
            64 * 3,
            512,
        ),
        (TINY | {"full_attn_idxs": [1, 3], "conv_L_cache": 3}, "convolution", 32 * 2, 0),
        # MiniMax: a square matrix per head
        (
            TINY | {"model_type": "minimax_m1", "attn_type_list": [0, 1, 0, 1]},
            "linear attention",
            0,
            256,
        ),
    ],
)
def test_elements_of_one_layer(config, kind, conv, recurrent):
    (state,) = parse(config).model.states
    assert (state.kind, state.n_layers) == (kind, 2)
    assert (state.conv_elements, state.recurrent_elements) == (conv, recurrent)
    assert parse(config).not_counted == ()


@pytest.mark.parametrize(
    ("config", "n_bytes"),
    [
        # 128 x 64 channels and 2 x 8 groups x 128: 3 inputs in bf16; a state in float32
        (NEMOTRON, 13 * ((8192 + 2048) * 3 * 2 + 8192 * 128 * 4)),
        (NEMOTRON | {"mamba_ssm_cache_dtype": "bfloat16"}, 13 * (10_240 * 3 * 2 + 8192 * 128 * 2)),
        (NEMOTRON | {"torch_dtype": "float32"}, 13 * (10_240 * 3 * 4 + 8192 * 128 * 4)),
        (FALCON_H1, 44 * ((3072 + 1024) * 3 * 2 + 3072 * 256 * 4)),
        (ZAMBA_2, 54 * ((5120 + 128) * 3 * 2 + 5120 * 64 * 4)),
        (RECURRENT_GEMMA, 18 * (2560 * 3 * 2 + 2560 * 4)),
    ],
)
def test_bytes_of_all_states(config, n_bytes):
    sizes = report(config, batch_size=3)
    assert sizes.state_bytes == n_bytes
    assert sizes.total_bytes == sizes.kv_cache_bytes + 3 * n_bytes


@pytest.mark.parametrize(
    ("config", "n_bytes"),
    [
        (
            {"model_type": "mamba", "hidden_size": 2560, "num_hidden_layers": 64}
            | {"state_size": 16, "conv_kernel": 4, "expand": 2, "torch_dtype": "float32"},
            64 * (5120 * 3 * 4 + 5120 * 16 * 4),
        ),
        (
            {"model_type": "falcon_mamba", "hidden_size": 4096, "num_hidden_layers": 64}
            | {"intermediate_size": 8192, "state_size": 16, "conv_kernel": 4, "expand": 16},
            64 * (8192 * 3 * 2 + 8192 * 16 * 4),
        ),
        (
            {"model_type": "mamba2", "hidden_size": 4096, "num_hidden_layers": 64}
            | {"num_heads": 128, "head_dim": 64, "state_size": 128, "n_groups": 8}
            | {"conv_kernel": 4, "expand": 2},
            64 * ((8192 + 2048) * 3 * 2 + 8192 * 128 * 4),
        ),
    ],
)
def test_a_model_of_states_alone_has_no_cache(config, n_bytes):
    sizes = report(config, context_len=100_000)
    assert (sizes.kv_bytes_per_token, sizes.kv_cache_bytes) == (0, 0)
    assert sizes.state_bytes == sizes.total_bytes == n_bytes


def test_windows_of_recurrent_gemma():
    assert layers(RECURRENT_GEMMA) == [(18, "linear attention", None), (8, "window", 2048)]


def test_one_layer_may_attend_and_keep_a_state():
    assert layers(FALCON_H1) == [(44, "full with state", None)]
    assert layers(ZAMBA_2) == [(45, "state-space", None), (9, "full with state", None)]
    (state,) = parse(ZAMBA_2).model.states
    assert state.n_layers == 54


def test_a_type_that_no_key_gives_is_an_assumption():
    assert "states are float32, since no key gives their type" in parse(FALCON_H1).assumptions
    assert not parse(FALCON_H1, mamba_ssm_dtype="float32").assumptions[1:]


def test_widths_that_are_missing_are_a_lower_bound():
    config = TINY | MAMBA_2 | {"layer_types": ["mamba", "attention"] * 2, "mamba_n_groups": None}
    assert parse(config).model.states == ()
    (sentence,) = parse(config).not_counted
    assert sentence.startswith("the state of 2 state-space layers, whose widths no known key")
    assert sentence.endswith("the total is a lower bound")


def test_a_state_alone_whose_widths_are_missing_is_refused():
    with pytest.raises(ValueError, match="a layer that caches tokens or a state"):
        parse(LLAMA, layer_types=["mamba"] * 32)
