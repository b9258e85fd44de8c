"""Each trap of reading a config, as a small config of its own: the right layer, or a refusal."""

import json

import pytest

from gqa_core.configs import LatentConfig, Workload
from gqa_core.hf_config.answer import config_record
from gqa_core.hf_config.read import read_config
from gqa_core.theory.memory import kv_bytes_per_token

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
}
LATENT = LLAMA | {
    "num_key_value_heads": 32,
    "head_dim": 64,  # neither of the two drives the cache
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
GPT_2 = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}


def read(config, **changes):
    changed = {key: value for key, value in (config | changes).items() if value is not ...}
    return read_config(json.dumps(changed))


def elements(config, **changes):
    """Elements a token of all caching layers, which is the bytes of an fp8 cache."""
    return kv_bytes_per_token(read(config, **changes).model, "fp8")


def layers(config, **changes):
    return [(alike.count, alike.kind, alike.window) for alike in read(config, **changes).layers]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LLAMA, 2 * 8 * 128 * 32),
        # head_dim is explicit, and differs from hidden / heads (Qwen3, Gemma, gpt-oss)
        (LLAMA | {"head_dim": 64}, 2 * 8 * 64 * 32),
        (LLAMA | {"head_dim": None}, 2 * 8 * 128 * 32),
        # no key, or only a null one, names K/V heads (GPT-2, Phi-2)
        (GPT_2, 2 * 12 * 64 * 12),
        (LLAMA | {"num_key_value_heads": None}, 2 * 32 * 128 * 32),
        # one K/V head by a flag (StarCoder), which Falcon-40B's decoder overrides
        (GPT_2 | {"multi_query": True}, 2 * 64 * 12),
        (GPT_2 | {"multi_query": False}, 2 * 12 * 64 * 12),
        (GPT_2 | {"multi_query": True, "num_kv_heads": 12}, 2 * 64 * 12),  # Falcon-7B
        (
            GPT_2 | {"multi_query": True, "new_decoder_architecture": True, "num_kv_heads": 4},
            2 * 4 * 64 * 12,
        ),
        # K/V heads nested (DBRX), typed (MPT), or renamed (GLM-4)
        (GPT_2 | {"attn_config": {"kv_n_heads": 3, "clip_qkv": 8}}, 2 * 3 * 64 * 12),
        (GPT_2 | {"attn_config": {"attn_type": "multiquery_attention"}}, 2 * 64 * 12),
        (GPT_2 | {"attn_config": {"attn_type": "multihead_attention"}}, 2 * 12 * 64 * 12),
        (GPT_2 | {"multi_query_attention": True, "multi_query_group_num": 2}, 2 * 2 * 64 * 12),
        (GPT_2 | {"multi_query_attention": False, "multi_query_group_num": 2}, 2 * 12 * 64 * 12),
        # MLA carries K/V heads and a head_dim, and neither counts
        (LATENT, (512 + 64) * 32),
        (LATENT | {"kv_lora_rank": None, "v_head_dim": None}, 2 * 32 * 64 * 32),
        (
            LATENT | {"kv_lora_rank": None, "v_head_dim": 0, "head_dim": None, "use_mla": False},
            2 * 32 * 128 * 32,
        ),
        (LATENT | {"layer_types": ["deepseek_sparse_attention"] * 32}, (512 + 64) * 32),
        # MLA beside layers that cache nothing (Kimi-Linear)
        (LATENT | {"linear_attn_config": {"full_attn_layers": [4, 8]}}, (512 + 64) * 2),
        # K and V of different widths without a latent
        (LLAMA | {"head_dim": 192, "v_head_dim": 128}, 8 * (192 + 128) * 32),
        # everything in the text model's own object; nothing outside it counts
        ({"num_hidden_layers": 2, "text_config": LLAMA, "vision_config": {}}, 2 * 8 * 128 * 32),
    ],
)
def test_elements_per_token(config, expected):
    assert elements(config) == expected


def test_what_is_taken_for_granted_is_said():
    said = read(GPT_2).assumptions
    assert "n_kv_heads = n_heads = 12, since no key names K/V heads" in said
    assert "head_dim = hidden size / heads = 768 / 12" in said
    assert read(LLAMA, head_dim=128).assumptions == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(32, "full", None)]),
        # a window with no list, flag or family rule holds for every layer (Mistral v0.1)
        ({"sliding_window": 4096}, [(32, "window", 4096)]),
        ({"sliding_window": None}, [(32, "full", None)]),
        # present but off (Qwen)
        ({"sliding_window": 4096, "use_sliding_window": False}, [(32, "full", None)]),
        ({"sliding_window": 4096, "model_type": "qwen2"}, [(32, "full", None)]),
        (
            {"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 20},
            [(20, "full", None), (12, "window", 4096)],
        ),
        # a family's rule, by model_type
        (
            {"sliding_window": 4096, "model_type": "gemma2", "head_dim": 128},
            [(16, "window", 4096), (16, "full", None)],
        ),
        (
            {"sliding_window": 512, "model_type": "gemma3_text", "head_dim": 128},
            [(27, "window", 512), (5, "full", None)],
        ),
        (
            {"attention_chunk_size": 8192, "model_type": "llama4_text"},
            [(24, "chunk", 8192), (8, "full", None)],
        ),
        ({"attention_chunk_size": 128}, [(32, "full", None)]),  # counts for Llama 4 alone
        (
            {
                "attention_chunk_size": 64,
                "model_type": "llama4",
                "no_rope_layers": [1] * 31 + [0],
            },
            [(31, "chunk", 64), (1, "full", None)],
        ),
        # a list with an entry for each layer goes before a family's rule
        (
            {
                "layer_types": ["full_attention"] * 31 + ["sliding_attention"],
                "sliding_window": 128,
                "model_type": "gemma2",
                "head_dim": 128,
            },
            [(31, "full", None), (1, "window", 128)],
        ),
        (
            {"hybrid_layer_pattern": [0] + [1] * 31, "sliding_window": 128},
            [(1, "full", None), (31, "window", 128)],
        ),
        (
            {"sliding_window": 9, "sliding_window_pattern": 4},
            [(24, "window", 9), (8, "full", None)],
        ),
        (
            {"sliding_window": 9, "_sliding_window_pattern": 4},
            [(24, "window", 9), (8, "full", None)],
        ),
        (
            {"sliding_window": 9, "sliding_window_pattern": "LLLG"},
            [(24, "window", 9), (8, "full", None)],
        ),
        # layers that cache no tokens
        (
            {"layer_types": ["linear_attention", "full_attention"] * 16},
            [(16, "linear attention", None), (16, "full", None)],
        ),
        (
            {"hybrid_override_pattern": "M*-E" * 8, "mamba_num_heads": 4, "chunk_size": 256},
            [(8, "state-space", None), (8, "full", None), (16, "feed-forward", None)],
        ),
        (
            {"linear_attn_config": {"full_attn_layers": [1, 32], "kda_layers": [2, 3]}},
            [(2, "full", None), (30, "linear attention", None)],
        ),
        (
            {"full_attention_interval": 4, "linear_num_value_heads": 4},
            [(24, "linear attention", None), (8, "full", None)],
        ),
        (
            {"attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_state": 16},
            [(28, "state-space", None), (4, "full", None)],
        ),
        (
            {"attn_layer_period": 8, "mamba_d_state": 16},
            [(4, "full", None), (28, "state-space", None)],
        ),
        ({"attn_layer_indices": [0, 31]}, [(2, "full", None), (30, "state-space", None)]),
        (
            {"full_attn_idxs": [2, 5], "conv_L_cache": 3},
            [(30, "convolution", None), (2, "full", None)],
        ),
        (
            {"attn_type_list": [0] * 28 + [1] * 4},
            [(28, "linear attention", None), (4, "full", None)],
        ),
        (
            {"layer_types": ["chunked_attention", "full_attention"] * 16}
            | {"attention_chunk_size": 64, "model_type": "llama4_text"},
            [(16, "chunk", 64), (16, "full", None)],
        ),
        # a list and a rule in numbers that say the same, by other names for what caches nothing
        (
            {"layer_types": ["linear_attention", "linear_attention", "attention", "mamba"] * 8}
            | {"attn_layer_period": 4, "attn_layer_offset": 2},
            [(16, "linear attention", None), (8, "full", None), (8, "state-space", None)],
        ),
        ({"num_kv_shared_layers": 12}, [(20, "full", None), (12, "shared", None)]),
    ],
)
def test_which_layers_see_what(changes, expected):
    assert layers(LLAMA, **changes) == expected


def test_window_layers_have_their_own_heads_where_keys_say_so():
    # as MiMo-V2: 192 and 128 wide, 4 K/V heads in full layers and 8 in windows
    config = LLAMA | {
        "num_attention_heads": 64,
        "num_key_value_heads": 4,
        "head_dim": 192,
        "v_head_dim": 128,
        "swa_num_key_value_heads": 8,
        "swa_head_dim": 192,
        "swa_v_head_dim": 128,
        "sliding_window": 128,
        "sliding_window_size": 128,
        "attention_chunk_size": 128,
        "hybrid_layer_pattern": [0, 1, 1, 1] * 8,
    }
    assert elements(config) == 8 * 4 * (192 + 128) + 24 * 8 * (192 + 128)
    with pytest.raises(ValueError, match="sliding_window_size"):
        read(config, sliding_window_size=64)


def test_full_layers_beside_windows_may_have_heads_of_their_own():
    # as Gemma 4: both K and V are stored, even where they are equal
    config = LLAMA | {
        "head_dim": 256,
        "num_key_value_heads": 16,
        "global_head_dim": 512,
        "num_global_key_value_heads": 4,
        "attention_k_eq_v": True,
        "sliding_window": 1024,
        "layer_types": ["sliding_attention"] * 30 + ["full_attention"] * 2,
    }
    assert elements(config) == 30 * 2 * 16 * 256 + 2 * 2 * 4 * 512
    record = config_record(read(config), Workload(context_len=2048), "bf16")
    assert (record["variant"], record["reduction_vs_mha"]) == (None, None)
    assert [(one["n_kv_heads"], one["head_dim"]) for one in record["layers"]] == [
        (16, 256),
        (4, 512),
    ]


def test_ideal_and_as_allocated_of_a_model_with_windows():
    # as gpt-oss-20b: 8,192 tokens x 32 sequences are 6.09 GiB ideal and 12.00 GiB as allocated
    config = {
        "num_hidden_layers": 24,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 12,
    }
    record = config_record(read(config), Workload(context_len=8192, batch_size=32), "bf16")
    # 2 x 8 x 64 x 2 B = 2,048 B a token and layer; 12 layers x (8,192 + 128), 24 x 8,192
    assert record["kv_cache_bytes"] == 32 * 2048 * 12 * (8192 + 128)
    assert record["kv_cache_bytes_as_allocated"] == 32 * 2048 * 24 * 8192 == 12 * 2**30
    assert round(record["kv_cache_bytes"] / 2**30, 2) == 6.09


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Llama-3.1-8B: 8,030,261,248 published; norms are not counted
        ({"intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False}, 8.03e9),
        ({"intermediate_size": 14336, "vocab_size": 128256}, None),
        ({"tie_word_embeddings": False, "vocab_size": 128256}, None),
        # Mixtral-8x7B: 46,702,792,704 published
        (
            {
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "tie_word_embeddings": False,
                "num_local_experts": 8,
            },
            46.703e9,
        ),
        # experts in every other layer only (Llama 4 Maverick)
        (
            {
                "intermediate_size": 8192,
                "vocab_size": 32000,
                "tie_word_embeddings": False,
                "num_local_experts": 8,
                "interleave_moe_layer_step": 2,
            },
            None,
        ),
    ],
)
def test_parameters_are_estimated_where_the_config_leaves_nothing_open(changes, expected):
    estimated = read(LLAMA, **changes).estimated_params
    assert estimated == (expected and pytest.approx(expected, rel=1e-3))


def test_deepseek_v3_s_parameters_follow_from_its_config():
    config = LATENT | {
        "num_hidden_layers": 61,
        "num_attention_heads": 128,
        "hidden_size": 7168,
        "q_lora_rank": 1536,
        "vocab_size": 129280,
        "tie_word_embeddings": False,
        "intermediate_size": 18432,
        "moe_intermediate_size": 2048,
        "first_k_dense_replace": 3,
        "n_routed_experts": 256,
        "n_shared_experts": 1,
    }
    assert read(config).estimated_params == pytest.approx(671_026_404_352, rel=1e-5)


def test_a_context_beyond_the_maximum_is_computed_in_full_and_said():
    beyond = config_record(read(LLAMA), Workload(context_len=100_000), "bf16")
    assert beyond["kv_cache_bytes"] == 131_072 * 100_000
    assert any(
        "100000 is beyond the config's own maximum of 8192" in x for x in beyond["assumptions"]
    )
    within = config_record(read(LLAMA), Workload(context_len=8192), "bf16")
    assert not any("beyond" in sentence for sentence in within["assumptions"])


def test_what_is_kept_besides_keys_and_values_is_named():
    assert read(LLAMA, layer_types=["mamba", "attention"] * 16).not_counted == (
        "the state of 16 state-space layers: its size does not grow with the context",
    )
    assert (
        "predicts further tokens (num_nextn_predict_layers)"
        in read(LLAMA, num_nextn_predict_layers=1).not_counted[0]
    )
    assert "sparse indexer (index_topk)" in read(LATENT, index_topk=2048).not_counted[0]
    assert read(LLAMA, num_nextn_predict_layers=0).not_counted == ()


def test_used_and_ignored_keys_are_told_with_their_paths():
    config = read({"text_config": LATENT | {"rms_norm_eps": 1e-5, "use_cache": True}})
    assert "text_config.kv_lora_rank" in config.used_keys
    ignored = {f"text_config.{name}" for name in ("num_key_value_heads", "head_dim", "use_cache")}
    assert ignored <= set(config.ignored_keys)
    assert not set(config.used_keys) & set(config.ignored_keys)


@pytest.mark.parametrize("name", ["_name_or_path", "architectures", "name"])
def test_a_model_s_name_decides_nothing(name):
    assert read(LLAMA, **{name: "Gemma2ForCausalLM"}).layers == read(LLAMA).layers
    assert isinstance(read(LATENT, **{name: "LlamaForCausalLM"}).attention, LatentConfig)


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
        ({"chunk_size": 256}, "chunk_size"),  # harmless beside state-space layers alone
        ({"linear_num_key_heads": 4}, "linear_num_key_heads"),
        ({"mamba_d_state": 16}, "mamba_d_state"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder"),
        ({"per_layer_config": {"05": {"head_dim": 512}}}, "per_layer_config"),
        ({"total_ut_steps": 4}, "total_ut_steps"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"attention_hidden_size": 8192}, "attention_hidden_size"),
        ({"full_attention_at": [3, 7, 11]}, "full_attention_at"),
        ({"local_head_dim": 64}, "local_head_dim"),
        ({"size_per_head": 64}, "size_per_head"),
        ({"qk_head_dim": 192}, "qk_head_dim"),
        ({"kv_lora_rank": 512, "use_mla": False}, "use_mla must be true beside kv_lora_rank"),
        ({"sliding_window": 9, "max_window_layers": 4}, "use_sliding_window must be given"),
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
        ({"layer_types": ["full_attention"]}, "layer_types must have an entry for each of 32"),
        ({"layer_types": ["sliding_attention"] * 32}, "sliding_window must be given"),
        ({"hybrid_override_pattern": "M" * 32}, "a layer that caches tokens"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_name(changes, named):
    with pytest.raises(ValueError, match=named):
        read(LLAMA, **changes)


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
def test_what_is_known_to_be_harmless_is_not_refused(changes):
    assert read(LLAMA, **changes).attention or "mamba_chunk_size" in changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_hidden_layers": ...}, "num_hidden_layers must be given"),
        ({"num_attention_heads": "32"}, 'num_attention_heads must be a whole number: got "32"'),
        ({"num_attention_heads": 32.0}, "num_attention_heads must be a whole number: got 32.0"),
        ({"num_key_value_heads": True}, "num_key_value_heads must be a whole number: got true"),
        ({"num_key_value_heads": [8] * 32}, "must be a whole number: got a list of 32"),
        ({"num_key_value_heads": -8}, "num_key_value_heads must be between 1 and 1024: got -8"),
        ({"num_key_value_heads": 5}, "n_kv_heads must divide n_heads: got 5 and 32"),
        ({"hidden_size": 4095}, "head_dim must be given where hidden_size is no multiple"),
        ({"n_head": 16}, "num_attention_heads and n_head must agree: got 32 and 16"),
        ({"use_sliding_window": "no", "sliding_window": 4}, "use_sliding_window must be true"),
        ({"text_config": [1]}, "text_config must be an object: got a list of 1"),
        ({"sliding_window": 2**40}, "sliding_window must be between 1 and"),
        ({"kv_lora_rank": 512}, "qk_rope_head_dim must be given"),
    ],
)
def test_a_bad_number_is_one_sentence_with_its_key(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        read(LLAMA, **changes)
