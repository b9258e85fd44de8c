"""Small configs that each stand for a kind of model, in the spelling of their files."""

from tests.hf_config.configs import LLAMA

MLA = {
    "num_attention_heads": 64,
    "hidden_size": 6144,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
LONGCAT = MLA | {"model_type": "longcat_flash", "num_layers": 28}
SPARSE = MLA | {
    "model_type": "deepseek_v32",
    "num_hidden_layers": 61,
    "index_head_dim": 128,
    "index_n_heads": 64,
    "index_topk": 2048,
    "num_nextn_predict_layers": 1,
}
GLM = SPARSE | {"model_type": "glm_moe_dsa", "num_hidden_layers": 78}
WINDOWS = {
    "model_type": "cwm",
    "num_hidden_layers": 64,
    "num_attention_heads": 48,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 6144,
    "sliding_window": 8192,
}
FALCON_H1 = {
    "model_type": "falcon_h1",
    "num_hidden_layers": 44,
    "hidden_size": 3072,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "mamba_chunk_size": 256,
    "mamba_d_ssm": 3072,
    "mamba_d_state": 256,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_n_heads": 24,
    "mamba_d_head": 128,
    "mamba_n_groups": 2,
}
NEMOTRON = {
    "model_type": "nemotron_h",
    "layers_block_type": ["mamba", "moe", "attention", "mlp"] * 13,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 4096,
    "mamba_num_heads": 128,
    "mamba_head_dim": 64,
    "ssm_state_size": 128,
    "n_groups": 8,
    "conv_kernel": 4,
    "chunk_size": 128,
}
GEMMA_4 = {
    "model_type": "gemma4_text",
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "global_head_dim": 512,
    "num_global_key_value_heads": 2,
    "attention_k_eq_v": True,
    "hidden_size": 2304,
    "sliding_window": 512,
    "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 2,
}
MIMO = {
    "model_type": "mimo_v2_flash",
    "num_hidden_layers": 12,
    "num_attention_heads": 64,
    "num_key_value_heads": 4,
    "head_dim": 192,
    "v_head_dim": 128,
    "hidden_size": 4096,
    "sliding_window": 128,
    "sliding_window_size": 128,
    "attention_chunk_size": 128,
    "hybrid_layer_pattern": [0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0],
    "swa_num_attention_heads": 64,
    "swa_num_key_value_heads": 8,
    "swa_head_dim": 192,
    "swa_v_head_dim": 128,
}
PIECES = LLAMA | {
    "model_type": "iquest_q1",
    "num_hidden_layers": 88,
    "sliding_window": 4096,
    "first_layers_types": ["full_attention"],
    "hybrid_layers_types_block": ["full_attention"] + ["sliding_attention"] * 3,
    "num_hybrid_layers_block": 21,
    "last_layers_types": ["full_attention"] * 3,
}
BERT = {
    "model_type": "bert",
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_size": 768,
    "vocab_size": 30522,
}
BART = {
    "model_type": "bart",
    "is_encoder_decoder": True,
    "d_model": 1024,
    "num_hidden_layers": 6,
    "encoder_layers": 6,
    "decoder_layers": 12,
    "encoder_attention_heads": 8,
    "decoder_attention_heads": 16,
    "max_position_embeddings": 1024,
}
WHISPER = BART | {
    "model_type": "whisper",
    "d_model": 1280,
    "decoder_layers": 4,
    "decoder_attention_heads": 20,
    "max_source_positions": 1500,
    "max_target_positions": 448,
    "max_position_embeddings": None,
}
T5 = {
    "model_type": "t5",
    "is_encoder_decoder": True,
    "d_model": 512,
    "d_kv": 64,
    "num_layers": 6,
    "num_decoder_layers": 6,
    "num_heads": 8,
    "n_positions": 512,
    "relative_attention_num_buckets": 32,
}
MUSICGEN = {
    "model_type": "musicgen",
    "is_encoder_decoder": True,
    "decoder": {
        "model_type": "musicgen_decoder",
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "hidden_size": 1024,
        "max_position_embeddings": 2048,
    },
    "text_encoder": {"model_type": "t5", "num_layers": 12, "num_heads": 12, "n_positions": 512},
}
ZAMBA_2 = {
    "model_type": "zamba2",
    "num_hidden_layers": 54,
    "hidden_size": 2560,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "kv_channels": 80,
    "attention_hidden_size": 5120,
    "attention_head_dim": 160,
    "layers_block_type": (["mamba"] * 5 + ["hybrid"]) * 9,
    "hybrid_layer_ids": [5, 11, 17, 23, 29, 35, 41, 47, 53],
    "mamba_d_state": 64,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_ngroups": 1,
    "n_mamba_heads": 80,
    "mamba_headdim": 64,
    "num_query_groups": 32,
    "chunk_size": 256,
}
RECURRENT_GEMMA = {
    "model_type": "recurrent_gemma",
    "num_hidden_layers": 26,
    "hidden_size": 2560,
    "num_attention_heads": 10,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "lru_width": 2560,
    "attention_window_size": 2048,
    "conv1d_width": 4,
    "block_types": ["recurrent", "recurrent", "attention"],
}
OPEN_ELM = {
    "model_type": "openelm",
    "num_transformer_layers": 4,
    "num_query_heads": [12, 12, 16, 20],
    "num_kv_heads": [3, 3, 4, 5],
    "head_dim": 64,
    "model_dim": 1280,
    "ffn_multipliers": [0.5, 1.0, 2.0, 4.0],
}


def nas_block(n_heads_in_group=None, **attention):
    return {"attention": {"n_heads_in_group": n_heads_in_group} | attention, "ffn": {}}


NAS = {
    "model_type": "nemotron-nas",
    "num_hidden_layers": 3,
    "num_attention_heads": 64,
    "hidden_size": 8192,
    "block_configs": [nas_block(8), nas_block(no_op=True), nas_block(16)],
}
