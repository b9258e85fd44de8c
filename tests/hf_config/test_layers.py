"""The kind of each layer, by lists, numeric rules and model families."""

import pytest

from tests.hf_config.configs import LLAMA, layers, report


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(32, "full", None)]),
        # a window applies to every layer only in families whose code says so (Mistral v0.1)
        ({"sliding_window": 4096, "model_type": "mistral"}, [(32, "window", 4096)]),
        ({"sliding_window": 4096, "model_type": "somefuture"}, [(32, "full", None)]),
        ({"sliding_window": 4096, "model_type": None}, [(32, "full", None)]),
        ({"sliding_window": 4096}, [(32, "full", None)]),
        ({"sliding_window": None}, [(32, "full", None)]),
        # present but off (Qwen)
        ({"sliding_window": 4096, "use_sliding_window": False}, [(32, "full", None)]),
        ({"sliding_window": 4096, "model_type": "qwen2"}, [(32, "full", None)]),
        (
            {"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 20}
            | {"model_type": "qwen2"},
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
        ({"attention_chunk_size": 128}, [(32, "full", None)]),  # counts for Llama 4 only
        (
            {
                "attention_chunk_size": 64,
                "model_type": "llama4",
                "no_rope_layers": [1] * 31 + [0],
            },
            [(31, "chunk", 64), (1, "full", None)],
        ),
        # a list with one entry per layer takes precedence over a family's rule
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
        # a list and a numeric rule that agree, with different names for what caches nothing
        (
            {"layer_types": ["linear_attention", "linear_attention", "attention", "mamba"] * 8}
            | {"attn_layer_period": 4, "attn_layer_offset": 2},
            [(16, "linear attention", None), (8, "full", None), (8, "state-space", None)],
        ),
        (
            {"num_kv_shared_layers": 12, "model_type": "gemma3n"}
            | {"head_dim": 128, "sliding_window": None},
            [(20, "full", None), (12, "shared", None)],
        ),
    ],
)
def test_kinds_of_layers(changes, expected):
    assert layers(LLAMA, **changes) == expected


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
    sizes = report(config, context_len=8192, batch_size=32)
    # 2 x 8 x 64 x 2 B = 2,048 B per token and layer; 12 layers x (8,192 + 128), 24 x 8,192
    assert sizes.kv_cache_bytes == 32 * 2048 * 12 * (8192 + 128)
    assert sizes.kv_cache_bytes_as_allocated == 32 * 2048 * 24 * 8192 == 12 * 2**30
    assert round(sizes.kv_cache_bytes / 2**30, 2) == 6.09
