"""Published layers that several tests hold their figures against."""

from gqa_core.configs import LatentConfig

DEEPSEEK_V3 = LatentConfig(
    n_heads=128,
    kv_lora_rank=512,
    qk_rope_head_dim=64,
    qk_nope_head_dim=128,
    v_head_dim=128,
    q_lora_rank=1536,
    dim=7168,
)
