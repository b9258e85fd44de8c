"""Heads, their widths and latents, in every spelling: elements that a token stores."""

import pytest

from tests.hf_config.configs import GPT_2, LATENT, LLAMA, elements, parse, report


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LLAMA, 2 * 8 * 128 * 32),
        # head_dim is explicit, and differs from hidden / heads (Qwen3, Gemma, gpt-oss)
        (LLAMA | {"head_dim": 64}, 2 * 8 * 64 * 32),
        (LLAMA | {"head_dim": None}, 2 * 8 * 128 * 32),
        # no key, or only a null one, gives K/V heads (GPT-2, Phi-2)
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
        # MLA and layers that cache nothing (Kimi-Linear)
        (LATENT | {"linear_attn_config": {"full_attn_layers": [4, 8]}}, (512 + 64) * 2),
        # K and V of different widths without a latent
        (LLAMA | {"head_dim": 192, "v_head_dim": 128}, 8 * (192 + 128) * 32),
        # the text model in an object of its own; nothing outside it counts
        ({"num_hidden_layers": 2, "text_config": LLAMA, "vision_config": {}}, 2 * 8 * 128 * 32),
    ],
)
def test_elements_per_token(config, expected):
    assert elements(config) == expected


def test_window_layers_can_have_heads_of_their_own():
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
        parse(config, sliding_window_size=64)


def test_full_layers_can_have_heads_of_their_own_if_others_have_windows():
    # as Gemma 4: both K and V are stored, even if they are equal
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
    sizes = report(config, context_len=2048)
    assert (sizes.variant, sizes.reduction_vs_mha) == (None, None)
    assert [(kind.attention.n_kv_heads, kind.attention.head_dim) for kind in sizes.layers] == [
        (16, 256),
        (4, 512),
    ]
