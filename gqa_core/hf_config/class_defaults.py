"""Sizes that a hub file may leave out, because they equal the default of the model's class.

The library that wrote the file leaves such keys out of a nested text model, so that the text models
of Gemma 3 4B, LLaVA-1.5 and Pixtral state few numbers or none. Every default that counts is named
in the assumptions. None where the class has no number of its own.
Source: huggingface/transformers 5.24, configuration files of the named types.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["HEAD_DIM_DEFAULTS", "class_defaults"]

SIZES = (
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
)
DEFAULTS: Mapping[str, tuple[int | None, ...]] = {  # by model type, in the order of SIZES
    "apertus1p5_text": (32, 32, None, None, 4096),
    "aria_text": (32, 32, None, None, 4096),
    "cohere2": (40, 64, None, None, 8192),
    "cohere_compass_text": (40, 64, None, None, 8192),
    "cosmos3_edge_text": (28, 16, 8, 128, 2048),
    "deepseek_ocr2_text": (32, 32, None, None, 4096),
    "deepseek_v3": (61, 128, None, None, 7168),
    "dots3_note_text": (46, 128, None, None, 5120),
    "ernie4_5_vl_moe_text": (28, 20, 4, None, 2560),
    "exaone4": (32, 32, 32, None, 4096),
    "gemma": (28, 16, 16, 256, 3072),
    "gemma2": (26, 8, 4, 256, 2304),
    "gemma3_text": (26, 8, 4, 256, 2304),
    "gemma3n_text": (35, 8, 2, 256, 2048),
    "gemma4_text": (30, 8, 4, 256, 2304),
    "gemma4_unified_text": (30, 8, 4, 256, 2304),
    "glm4": (40, 32, 2, 128, 4096),
    "glm4_moe": (46, 96, 8, None, 4096),
    "glm4v_moe_text": (46, 96, 8, None, 4096),
    "glm4v_text": (40, 32, 2, None, 4096),
    "glm5_next_text": (45, 64, None, None, 4096),
    "glm_image_text": (40, 32, 2, None, 4096),
    "glm_ocr_text": (16, 16, 8, None, 1024),
    "granite": (32, 32, None, None, 4096),
    "granite4_vision_text": (32, 32, None, None, 4096),
    "granite_docling_text": (28, 16, 4, None, 1024),
    "hunyuan_vl_text": (32, 32, None, None, 4096),
    "hy_v4_vl_text": (78, 64, None, None, 6144),
    "lfm2": (32, 32, 8, None, 2560),
    "lfm3": (24, 16, 4, 128, 2048),
    "llama": (32, 32, None, None, 4096),
    "llama4_text": (48, 40, 8, 128, 5120),
    "minimax_m3_vl_text": (60, 64, 4, 128, 6144),
    "ministral3": (34, 32, 8, 128, 4096),
    "mistral": (32, 32, 8, None, 4096),
    "mistral_large4_text": (72, 64, None, None, 6144),
    "mixtral": (32, 32, 8, None, 4096),
    "molmo2_text": (36, 32, 8, 128, 4096),
    "muse_glimmer_text": (52, 32, 2, 128, 6656),
    "muse_spark_text": (62, 128, 16, 64, 8192),
    "nemotron_h": (None, 32, 8, 128, 4096),
    "opt": (12, 12, None, None, 768),
    "paddleocr_vl_text": (18, 16, 2, 128, 1024),
    "persimmon": (36, 64, None, None, 4096),
    "phi3": (32, 32, None, None, 3072),
    "qwen2": (32, 32, 32, None, 4096),
    "qwen2_5_omni_text": (28, 28, 4, None, 3584),
    "qwen2_5_vl_text": (80, 64, 8, None, 8192),
    "qwen2_moe": (24, 16, 16, None, 2048),
    "qwen2_vl_text": (80, 64, 8, None, 8192),
    "qwen3": (32, 32, 32, 128, 4096),
    "qwen3_5_moe_text": (40, 16, 2, 256, 2048),
    "qwen3_5_text": (32, 16, 4, 256, 4096),
    "qwen3_moe": (24, 32, 4, None, 2048),
    "qwen3_omni_moe_text": (28, 28, 4, None, 2048),
    "qwen3_vl_moe_text": (24, 16, 16, None, 2048),
    "qwen3_vl_text": (32, 32, 32, 128, 4096),
    "step3p5": (45, 64, 8, 128, 4096),
    "unlimited_ocr_text": (12, 10, 10, None, 1280),
    "voxtral_realtime_text": (32, 32, 8, None, 4096),
}
OTHER_DEFAULTS: Mapping[str, Mapping[str, int]] = {
    "cohere2": {"sliding_window": 4096},
    "deepseek_v3": {
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128,
        "v_head_dim": 128,
    },
    "dots3_note_text": {
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128,
        "v_head_dim": 128,
        "index_head_dim": 128,
    },
    "exaone4": {"sliding_window": 4096},
    "gemma2": {"sliding_window": 4096},
    "gemma3_text": {"sliding_window": 4096},
    "gemma3n_text": {"sliding_window": 512, "num_kv_shared_layers": 15},
    "gemma4_text": {"sliding_window": 512},
    "gemma4_unified_text": {"sliding_window": 1024},
    "glm5_next_text": {
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 0,
        "qk_nope_head_dim": 256,
        "v_head_dim": 256,
        "linear_head_dim": 128,
        "linear_num_heads": 64,
        "linear_conv_kernel_dim": 4,
        "index_head_dim": 128,
    },
    "hy_v4_vl_text": {
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
        "index_head_dim": 128,
    },
    "lfm2": {"conv_L_cache": 3},
    "lfm3": {"sliding_window": 256, "conv_L_cache": 7},
    "llama4_text": {"attention_chunk_size": 8192},
    "minimax_m3_vl_text": {"index_head_dim": 128},
    "mistral_large4_text": {
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 64,
        "v_head_dim": 128,
        "index_head_dim": 128,
    },
    "muse_glimmer_text": {"sliding_window": 2048},
    "muse_spark_text": {"sliding_window": 2048},
    "qwen3_5_moe_text": {
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 32,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    },
    "qwen3_5_text": {
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 32,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    },
}
HEAD_DIM_DEFAULTS: Mapping[str, int] = {  # by family: a width whatever the size of the model
    "afmoe": 128,
    "beam": 128,
    "cohere2_moe": 128,
    "cosmos3_edge": 128,
    "cwm": 128,
    "dory": 256,
    "ernie4_5": 128,
    "flint": 128,
    "glm": 128,
    "glm4": 128,
    "gpt_oss": 64,
    "helium": 128,
    "higgs_audio_v2": 128,
    "hrm": 128,
    "hy_v3": 128,
    "inkling": 128,
    "inkling2": 128,
    "inkling2_loop": 128,
    "internlm3": 128,
    "iquestcoder": 128,
    "kolibri1": 128,
    "laguna": 128,
    "lara_mini": 128,
    "lfm3": 128,
    "llama4": 128,
    "mellum": 128,
    "mimo_v2_flash": 192,
    "minimax_m2": 128,
    "minimax_m3_vl": 128,
    "ministral3": 128,
    "molmo2": 128,
    "muse_glimmer": 128,
    "muse_spark": 64,
    "nemotron_h": 128,
    "openai_privacy_filter": 64,
    "paddleocr_vl": 128,
    "qwen3": 128,
    "qwen3_5": 256,
    "qwen3_5_moe": 256,
    "qwen3_next": 256,
    "qwen3_vl": 128,
    "qwen4_exp": 256,
    "sarvam_moe": 64,
    "seed_oss": 128,
    "solar_open": 128,
    "step3p5": 128,
    "zaya": 128,
}
SPELLINGS = {  # keys in other spellings, which replace a default
    "num_hidden_layers": ("num_layers", "n_layer", "n_layers", "layer_types", "layers_block_type"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads", "num_attention_heads_per_layer"),
    "num_key_value_heads": ("num_kv_heads", "n_kv_heads", "n_head_kv"),
    "hidden_size": ("n_embd", "d_model", "dim"),
    "sliding_window": ("sliding_window_size",),
}


def class_defaults(model_type: str, values: Mapping[str, object]) -> dict[str, int]:
    """The sizes that a nested text model leaves to its class, by key; empty for unknown types."""
    sizes = zip(SIZES, DEFAULTS.get(model_type, ()), strict=False)
    defaults = {name: number for name, number in sizes if number is not None}
    defaults |= OTHER_DEFAULTS.get(model_type, {})
    return {
        name: number
        for name, number in defaults.items()
        if not any(spelling in values for spelling in (name, *SPELLINGS.get(name, ())))
    }
