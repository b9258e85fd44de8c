"""Small configs of the catalogue's newer models: the keys that say what is cached, and no more."""

QWEN_3_5 = {
    "model_type": "qwen3_5_text",
    "head_dim": 256,
    "full_attention_interval": 4,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
}
DEEPSEEK = {
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "hidden_size": 7168,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "index_head_dim": 128,
    "index_n_heads": 64,
    "index_topk": 2048,
}
GLM_5 = DEEPSEEK | {
    "model_type": "glm_moe_dsa",
    "num_hidden_layers": 78,
    "num_attention_heads": 64,
    "hidden_size": 6144,
    "qk_nope_head_dim": 192,
    "v_head_dim": 256,
    "index_n_heads": 32,
}
GLM_5_2_CYCLE = ["full", "shared", "shared", "shared"]
MIMO_FULL_LAYERS = (0, 5, 11, 17, 23, 29, 35, 41, 47)
NEMOTRON_H = {
    "model_type": "nemotron_h",
    "num_hidden_layers": 52,
    "num_attention_heads": 32,
    "head_dim": 128,
    "mamba_head_dim": 64,
    "ssm_state_size": 128,
    "n_groups": 8,
    "conv_kernel": 4,
}
CONFIGS = {
    "DeepSeek-V3.2": DEEPSEEK | {"model_type": "deepseek_v32"},
    "GLM-5": GLM_5,
    "GLM-5.2": GLM_5
    | {
        "indexer_types": ["full"] * 3 + ["shared", "shared", "shared", "full"] * 18 + ["shared"] * 3
    },
    "LongCat-Flash": {
        "model_type": "longcat_flash",
        "num_layers": 28,
        "num_attention_heads": 64,
        "hidden_size": 6144,
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128,
        "v_head_dim": 128,
    },
    "Qwen3-Next-80B-A3B": QWEN_3_5
    | {
        "model_type": "qwen3_next",
        "num_hidden_layers": 48,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "hidden_size": 2048,
    },
    "Qwen3.5-9B": QWEN_3_5
    | {
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "hidden_size": 4096,
    },
    "Qwen3.5-27B": QWEN_3_5
    | {
        "num_hidden_layers": 64,
        "num_attention_heads": 24,
        "num_key_value_heads": 4,
        "hidden_size": 5120,
        "linear_num_value_heads": 48,
    },
    "Qwen3.5-35B-A3B": QWEN_3_5
    | {
        "model_type": "qwen3_5_moe_text",
        "num_hidden_layers": 40,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "hidden_size": 2048,
    },
    "Falcon-H1-7B": {
        "model_type": "falcon_h1",
        "num_hidden_layers": 44,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "hidden_size": 3072,
        "mamba_d_conv": 4,
        "mamba_d_head": 128,
        "mamba_d_ssm": 3072,
        "mamba_d_state": 256,
        "mamba_expand": 2,
        "mamba_n_groups": 1,
        "mamba_n_heads": 24,
    },
    "Nemotron-H-8B": NEMOTRON_H
    | {
        "num_key_value_heads": 8,
        "hidden_size": 4096,
        "mamba_num_heads": 128,
        "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
    },
    "Nemotron-3-Nano-30B-A3B": NEMOTRON_H
    | {
        "num_key_value_heads": 2,
        "hidden_size": 2688,
        "mamba_num_heads": 64,
        "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
    },
    "Kimi-Linear-48B-A3B": DEEPSEEK
    | {
        "model_type": "kimi_linear",
        "num_hidden_layers": 27,
        "num_attention_heads": 32,
        "hidden_size": 2304,
        "index_head_dim": None,
        "index_n_heads": None,
        "index_topk": None,
        "linear_attn_config": {
            "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
            "head_dim": 128,
            "num_heads": 32,
            "short_conv_kernel_size": 4,
        },
    },
    "Jamba v0.1": {
        "model_type": "jamba",
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "hidden_size": 4096,
        "attn_layer_period": 8,
        "attn_layer_offset": 4,
        "mamba_d_conv": 4,
        "mamba_d_state": 16,
        "mamba_expand": 2,
    },
    "MiMo-V2-Flash": {
        "model_type": "mimo_v2_flash",
        "num_hidden_layers": 48,
        "num_attention_heads": 64,
        "num_key_value_heads": 4,
        "head_dim": 192,
        "v_head_dim": 128,
        "hidden_size": 4096,
        "sliding_window_size": 128,
        "sliding_window": 128,
        "swa_num_attention_heads": 64,
        "swa_num_key_value_heads": 8,
        "swa_head_dim": 192,
        "swa_v_head_dim": 128,
        "hybrid_layer_pattern": [
            0 if i in (0, 5, 11, 17, 23, 29, 35, 41, 47) else 1 for i in range(48)
        ],
    },
    "MiniMax-M2": {
        "model_type": "minimax_m2",
        "num_hidden_layers": 62,
        "num_attention_heads": 48,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "hidden_size": 3072,
    },
    "CWM 32B": {
        "model_type": "cwm",
        "num_hidden_layers": 64,
        "num_attention_heads": 48,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "hidden_size": 6144,
        "sliding_window": 8192,
    },
    "Gemma 3n E4B": {
        "model_type": "gemma3n_text",
        "num_hidden_layers": 35,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "hidden_size": 2048,
        "sliding_window": 512,
        "num_kv_shared_layers": 15,
    },
    "Gemma 3 12B": {
        "model_type": "gemma3",
        "num_hidden_layers": 48,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "hidden_size": 3840,
        "sliding_window": 1024,
    },
    "Gemma 3 270M": {
        "model_type": "gemma3_text",
        "num_hidden_layers": 18,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "hidden_size": 640,
        "sliding_window": 512,
    },
    "Qwen3-30B-A3B": {
        "model_type": "qwen3_moe",
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "hidden_size": 2048,
    },
    "Qwen2-1.5B": {
        "model_type": "qwen2",
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "hidden_size": 1536,
    },
}
