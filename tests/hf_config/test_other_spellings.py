"""A model in another spelling, or without its list of layers: the same answer or a refusal.

Newer libraries save configs in spellings of their own; the pairs are what transformers 5.24 makes
of the older file. A list of layers that is taken out leaves the family's rule, or full layers.
"""

import pytest

from gqa_core.configs import Workload
from gqa_core.theory.memory import kv_cache_bytes
from gqa_core.theory.parts import state_bytes
from tests.hf_config.configs import LATENT, LLAMA, parse
from tests.hf_config.importer_configs import FALCON_H1, GEMMA_4, LONGCAT, MIMO, NEMOTRON, ZAMBA_2

FULL_ROPE = {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}}
GATED_DELTA = LLAMA | {
    "model_type": "qwen3_5_text",
    "full_attention_interval": 4,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 48,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
}
GPT_OSS = LLAMA | {
    "model_type": "gpt_oss",
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 16,
}
BAMBA = LLAMA | {"model_type": "bamba", "attn_layer_indices": [9, 18, 27]}
KDA = {"full_attn_layers": [4, 8], "kda_layers": [1, 2, 3, 5, 6, 7], "head_dim": 128}
KIMI = LATENT | {
    "model_type": "kimi_linear",
    "num_hidden_layers": 8,
    "linear_attn_config": KDA | {"num_heads": 32, "short_conv_kernel_size": 4},
}


def without(config, *names):
    return {name: value for name, value in config.items() if name not in names}


def figures(config):
    model = parse(config).model
    return kv_cache_bytes(model, Workload(context_len=100_000), "bf16"), state_bytes(model)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # full layers' heads as overrides of single layers
        (
            GEMMA_4,
            without(GEMMA_4, "global_head_dim", "num_global_key_value_heads")
            | {"per_layer_config": dict.fromkeys(("05", "11"), {"head_dim": 512}
                                                 | {"num_key_value_heads": 2})}
            | {"rope_parameters": FULL_ROPE},
        ),
        # every recurrence is called linear attention; the letters became a list
        (
            without(NEMOTRON, "layers_block_type")
            | {"num_hidden_layers": 52, "hybrid_override_pattern": "ME*-" * 13},
            NEMOTRON
            | {"layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"] * 13},
        ),
        (
            ZAMBA_2,
            ZAMBA_2 | {"layers_block_type": (["linear_attention"] * 5 + ["hybrid"]) * 9},
        ),
        (FALCON_H1, FALCON_H1 | {"layers_block_type": ["hybrid"] * 44}),
        (LONGCAT, LONGCAT | {"num_hidden_layers": 56, "qk_head_dim": 192}),
        (
            GATED_DELTA,
            GATED_DELTA
            | {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 8}
            | {"dtype": "bfloat16", "rope_parameters": {"rope_theta": 1e7}},
        ),
        (GPT_OSS, GPT_OSS | {"rope_parameters": {"rope_type": "yarn", "factor": 32.0}}),
        (
            MIMO,
            without(MIMO, "hybrid_layer_pattern", "sliding_window_size")
            | {"sliding_window": 129}
            | {"layer_types": [("full", "sliding")[kind] + "_attention"
                               for kind in MIMO["hybrid_layer_pattern"]]},
        ),
        (
            BAMBA,
            BAMBA
            | {"layer_types": ["full_attention" if i in (9, 18, 27) else "linear_attention"
                               for i in range(32)]},
        ),
        # the object's numbers as keys of their own
        (
            KIMI,
            without(KIMI, "linear_attn_config")
            | {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 2}
            | {"linear_head_dim": 128, "linear_num_heads": 32, "linear_conv_kernel_dim": 4},
        ),
    ],
)  # fmt: skip
def test_a_newer_spelling_gives_the_same_answer(older, newer):
    assert figures(newer) == figures(older)
    assert parse(newer).model.n_caching_layers == parse(older).model.n_caching_layers


def pattern(n_layers, is_full):
    return ["full_attention" if is_full(i) else "sliding_attention" for i in range(n_layers)]


WINDOW = LLAMA | {"num_hidden_layers": 26, "sliding_window": 512, "head_dim": 128}
LISTS = {  # as transformers 5.24 fills in layer_types for 26 layers
    "gemma2": pattern(26, lambda i: i % 2 == 1),
    "vaultgemma": pattern(26, lambda i: i % 2 == 1),
    "gpt_oss": pattern(26, lambda i: i % 2 == 1),
    "gemma3_text": pattern(26, lambda i: i % 6 == 5),
    "gemma3n_text": pattern(26, lambda i: i % 5 == 4),
    "kolibri1": pattern(26, lambda i: i % 5 == 4),
    "gemma4_text": pattern(26, lambda i: i % 6 == 5 or i == 25),
    "beam": pattern(26, lambda i: i % 6 == 5 or i == 25),
    "cohere2": pattern(26, lambda i: i % 4 == 3),
    "olmo3": pattern(26, lambda i: i % 4 == 3),
    "exaone4": pattern(26, lambda i: i % 4 == 3),
    "exaone_moe": pattern(26, lambda i: i % 4 == 3),
    "afmoe": pattern(26, lambda i: i % 4 == 3),
    "dory": pattern(26, lambda i: i % 4 == 3),
    "cwm": pattern(26, lambda i: i % 4 == 0),
    "granite_swa": pattern(26, lambda i: i % 4 == 0),
    "granitemoe_swa": pattern(26, lambda i: i % 4 == 0),
    "modernbert-decoder": pattern(26, lambda i: i % 3 == 0),
    "mimo_v2_flash": pattern(26, lambda i: i == 0 or i % 6 == 5),
    "muse_spark_text": pattern(26, lambda i: (25 - i) % 4 == 0),
    "muse_glimmer_text": pattern(26, lambda i: (25 - i) % 4 == 0),
    "flint": pattern(26, lambda i: i < 2 or i % 4 == 1 or i == 25),
    "dots3_note_text": pattern(26, lambda i: i < 2 or i % 4 == 1),
    "mistral": pattern(26, lambda i: False),
    "ministral": pattern(26, lambda i: False),
    "phi3": pattern(26, lambda i: False),
    "starcoder2": pattern(26, lambda i: False),
    "mellum": pattern(26, lambda i: True),
    "laguna": pattern(26, lambda i: True),
    "cohere_compass_text": pattern(26, lambda i: True),
}


@pytest.mark.parametrize("model_type", LISTS)
def test_a_family_s_rule_gives_the_list_that_is_taken_out(model_type):
    own = {"global_head_dim": 128} if model_type.startswith("gemma4") else {"per_layer_config": {}}
    config = WINDOW | own | {"model_type": model_type}
    listed = parse(config, layer_types=LISTS[model_type])
    ruled = parse(config)
    assert ruled.layer_kinds == listed.layer_kinds
    assert ruled.model == listed.model
    assert ruled.assumptions  # a rule is named


@pytest.mark.parametrize("model_type", ["", "llama", "somefuture", "spark2_5", "qwen2", "step3p5"])
def test_a_list_that_no_rule_replaces_leaves_every_layer_in_full(model_type):
    config = WINDOW | {"model_type": model_type}
    listed = kv_cache_bytes(
        parse(config, layer_types=["sliding_attention"] * 26).model,
        Workload(context_len=100_000),
        "bf16",
    )
    assert parse(config).layer_kinds == ("full",) * 26
    assert figures(config)[0] > listed
    assert parse(config).assumptions


@pytest.mark.parametrize(
    "config",
    [
        LLAMA | {"linear_num_key_heads": 4, "linear_key_head_dim": 64},
        LLAMA | {"mamba_d_state": 16, "mamba_expand": 2},
        LLAMA | {"conv_L_cache": 3},
        without(NEMOTRON, "layers_block_type") | {"num_hidden_layers": 52},
        without(ZAMBA_2, "layers_block_type"),
    ],
)
def test_a_list_of_recurrent_layers_that_is_taken_out_is_refused(config):
    with pytest.raises(ValueError, match=r"not understood|must be given"):
        parse(config)


@pytest.mark.parametrize(
    ("model_type", "head_dim"),
    [("qwen3_next", 256), ("minimax_m2", 128), ("gpt_oss", 64), ("ernie4_5", 128)],
)
def test_a_width_that_a_file_leaves_to_its_class_is_that_of_the_class(model_type, head_dim):
    config = LLAMA | {"model_type": model_type, "hidden_size": 2048, "sliding_window": None}
    (group,) = parse(config).model
    assert group.attention.head_dim == head_dim
    sentence = f"head_dim = {head_dim}, the default of the model type's class"
    assert sentence in parse(config).assumptions


def test_window_layers_of_mimo_have_twice_the_kv_heads_where_no_key_gives_them():
    config = {
        "model_type": "mimo_v2_flash",
        "num_hidden_layers": 2,
        "num_attention_heads": 64,
        "num_key_value_heads": 4,
        "hidden_size": 4096,
        "head_dim": 192,
        "v_head_dim": 128,
        "layer_types": ["full_attention", "sliding_attention"],
        "sliding_window": 129,
    }
    full, window = parse(config).model
    assert (full.attention.n_kv_heads, window.attention.n_kv_heads) == (4, 8)
    full, window = parse(config | {"swa_num_key_value_heads": 16}).model
    assert window.attention.n_kv_heads == 16
