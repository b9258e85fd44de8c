"""Unknown keys that could change the cache are rejected by name; harmless ones are not."""

import pytest

from tests.hf_config.configs import LLAMA, elements, parse


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"compress_ratios": [4, 128]}, "compress_ratios"),
        ({"kv_share_every": 2}, "kv_share_every"),
        ({"local_window": 128}, "local_window"),
        ({"windows": 3}, "windows"),
        ({"latent_dim": 64}, "latent_dim"),
        ({"attn_layer_pattern": "ab"}, "attn_layer_pattern"),
        ({"attn_cfg": {"x": 1}}, "attn_cfg"),
        ({"hybrid_setup": {"x": 1}}, "hybrid_setup"),
        ({"attention_kinds": ["a"] * 32}, "attention_kinds"),
        ({"pattern": "FFFS" * 8}, "pattern"),
        ({"plan": "abcdefab" * 4}, "plan"),
        ({"cross_attention_layers": [3, 8, 13]}, "cross_attention_layers"),
        ({"num_key_value_heads": ..., "heads_for_values": 4}, "heads_for_values"),
        ({"attn_config": {"window_len": 128}}, "attn_config.window_len"),
        ({"chunk_size": 256}, "chunk_size"),  # harmless only with state-space layers
        ({"linear_num_key_heads": 4}, "linear_num_key_heads"),
        ({"mamba_d_state": 16}, "mamba_d_state"),
        ({"per_layer_config": {"05": {"kv_share": 2}}}, "per_layer_config.05.kv_share"),
        ({"per_layer_config": {"32": {"head_dim": 512}}}, "per_layer_config. keys must be layer"),
        ({"total_ut_steps": 4}, "total_ut_steps"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"attention_hidden_size": 8192}, "attention_hidden_size"),
        ({"full_attention_at": [3, 7, 11]}, "full_attention_at"),
        ({"local_head_dim": 64}, "local_head_dim"),
        ({"size_per_head": 64}, "size_per_head"),
        ({"qk_head_dim": 192}, "qk_head_dim"),
        ({"kv_lora_rank": 512, "use_mla": False}, "use_mla must be true if kv_lora_rank is given"),
        (
            {"layer_types": ["full_attention"] * 32, "full_attention_interval": 4},
            "must agree: got layer_types, full_attention_interval",
        ),
        ({"attn_mode": "chunk"}, "attn_mode"),
        ({"state_size": 128}, "state_size"),
        ({"num_key_value_layers": 4}, "num_key_value_layers"),
        ({"yoco_cross_layers": 4}, "yoco_cross_layers"),
        ({"linear_attn_config": {"kda_layers": [1]}}, "linear_attn_config.full_attn_layers"),
        ({"model_type": "gemma3", "sliding_window": 9}, "head_dim must be given for model type"),
        ({"model_type": "gemma2", "head_dim": 8}, "sliding_window must be given, or null"),
        ({"model_type": "llama4"}, "attention_chunk_size must be given, or null"),
        ({"layer_types": ["full_attention"] * 31 + ["odd"]}, 'layer_types .* got "odd"'),
        ({"layer_types": ["full_attention"]}, "layer_types must have one entry for each of 32"),
        ({"layer_types": ["sliding_attention"] * 32}, "sliding_window must be given"),
        ({"hybrid_override_pattern": "M" * 32}, "a layer that caches tokens"),
    ],
)
def test_keys_that_could_change_the_cache_are_rejected_by_name(changes, named):
    with pytest.raises(ValueError, match=named):
        parse(LLAMA, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_cache": True, "cache_implementation": "hybrid"},
        {"kv_cache_dtype": "fp8"},
        {"max_window_layers": 28, "use_sliding_window": False},
        {"latent_moe_size": 64, "moe_latent_size": 64},
        {"prefill_chunk_size": 2048, "context_window_size": 2048},
        {"qkv_bias": True},
        {"kv_share_every": 0, "local_window": None, "chunks": False, "windows": []},
        {"mlp_layer_types": ["dense"] * 32, "moe_layer_freq": [1] * 32, "mrope": [1] * 32},
        {"eos_token_id": [1, 2], "hidden_act": "silu"},
        {"vision_config": {"window_size": 8}, "quantization_config": {"kv_cache_scheme": 1}},
        {"rope_scaling": {"long_factor": [1.0] * 48}, "audio_window": 3},
        {"layer_types": ["mamba", "attention"] * 16, "mamba_chunk_size": 256},
        {"layer_types": ["attention"] * 32, "mamba_chunk_size": 256, "linear_beta": 1},
        {"time_step_limit": [0.0, float("inf")], "mlp_gated_linear_units": True},
        {"num_key_value_groups": 4, "total_ut_steps": 1, "v_head_dim": 0},
        {"head_dim": 128, "qk_head_dim": 128, "index_head_dim": 64, "lm_head_size": 4},
        {"layer_types": ["full_attention"] * 32, "max_window_layers": 4, "sliding_window": 9},
        {"stop_words": [3, 4]},
        {"num_shared_expert": [1] * 32, "attn_config": {"sliding_window_size": -1}},
    ],
)
def test_harmless_keys_are_not_rejected(changes):
    model = parse(LLAMA, **changes).model
    assert model.is_uniform or "mamba_chunk_size" in changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_hidden_layers": ...}, "num_hidden_layers must be given"),
        ({"num_attention_heads": "32"}, 'num_attention_heads must be a whole number: got "32"'),
        ({"num_attention_heads": 32.0}, "num_attention_heads must be a whole number: got 32.0"),
        ({"num_key_value_heads": True}, "num_key_value_heads must be a whole number: got true"),
        ({"num_key_value_heads": [8] * 31}, "must have one entry for each of 32 layers: got 31"),
        (
            {"num_key_value_heads": [8.5] * 32},
            "num_key_value_heads must be a whole number: got 8.5",
        ),
        ({"num_key_value_heads": -8}, "num_key_value_heads must be between 1 and 1024: got -8"),
        ({"num_key_value_heads": 5}, "n_kv_heads must divide n_heads: got 5 and 32"),
        ({"hidden_size": 4095}, "head_dim must be given if hidden_size is not a multiple"),
        ({"n_head": 16}, "num_attention_heads and n_head must agree: got 32 and 16"),
        ({"use_sliding_window": "no", "sliding_window": 4}, "use_sliding_window must be true"),
        ({"text_config": [1]}, "text_config must be an object: got a list of 1"),
        (
            {"sliding_window": 2**40, "model_type": "mistral"},
            "sliding_window must be between 1 and",
        ),
        ({"kv_lora_rank": 512}, "qk_rope_head_dim must be given"),
    ],
)
def test_a_bad_number_is_one_sentence_with_its_key(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(LLAMA, **changes)


@pytest.mark.parametrize("name", ["n_head_kv", "num_query_groups", "n_kv_heads", "kv_n_heads"])
def test_a_number_of_kv_heads_counts_beside_multi_query(name):
    config = LLAMA | {"multi_query": True, name: 8}
    assert elements(config, num_key_value_heads=...) == 32 * 2 * 8 * 128


@pytest.mark.parametrize("name", ["attention_dim", "qkv_hidden_size", "headdim", "d_k"])
def test_a_width_in_another_spelling_is_rejected_unless_a_head_s_is_given(name):
    with pytest.raises(ValueError, match=f"'{name}' is not understood: it is about the width"):
        parse(LLAMA, **{name: 256})
    assert parse(LLAMA, **{name: 256}, head_dim=128).model == parse(LLAMA).model


@pytest.mark.parametrize(
    ("name", "value"), [("use_cla", 1), ("use_cla", True), ("num_loops", 4), ("layer_repeats", 2)]
)
def test_a_key_beside_the_text_model_is_rejected_as_one_inside(name, value):
    for config in (LLAMA | {name: value}, {"text_config": LLAMA, name: value}):
        with pytest.raises(ValueError, match=f"'{name}' is not understood: layers"):
            parse(config)
