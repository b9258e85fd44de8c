"""Attention weights of Hugging Face checkpoints, renamed for this engine's layers.

Llama (and Mistral, Qwen3 without their extra norms): RoPE rotates halves, as `GroupedAttention`
does. Hugging Face permuted the rows of q_proj and k_proj for this when it converted Meta's
checkpoints, so its weights are used as they are; Meta's own are interleaved and would be wrong.

DeepSeek-V2 and V3: RoPE rotates interleaved pairs, as the latent layers do. Hugging Face's code
reorders each pair to halves at run time, for queries and keys alike, which leaves every score as it
is; so these weights, too, are used as they are.

A checkpoint does not hold `rms_norm_eps` and `rope_theta`: they stand in its config.json and are
arguments of the layers. Scaled RoPE (Llama 3.1, YaRN) and its change of the softmax scale are not
implemented: outputs agree with such a model only in its unscaled form.

Source: Hugging Face transformers, models/llama/modeling_llama.py and
models/deepseek_v3/modeling_deepseek_v3.py; DeepSeek-V3, inference/convert.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["deepseek_attention_state", "llama_attention_state"]

LLAMA_NAMES = {
    "input_layernorm.weight": "norm.weight",
    "self_attn.q_proj.weight": "wq.weight",
    "self_attn.k_proj.weight": "wk.weight",
    "self_attn.v_proj.weight": "wv.weight",
    "self_attn.o_proj.weight": "wo.weight",
}
DEEPSEEK_QUERY_NAMES = {"self_attn.q_proj.weight": "wq.weight"}
DEEPSEEK_LOW_RANK_QUERY_NAMES = {
    "self_attn.q_a_proj.weight": "wq_a.weight",
    "self_attn.q_a_layernorm.weight": "q_norm.weight",
    "self_attn.q_b_proj.weight": "wq_b.weight",
}
DEEPSEEK_NAMES = {
    "input_layernorm.weight": "norm.weight",
    "self_attn.kv_a_proj_with_mqa.weight": "wkv_a.weight",
    "self_attn.kv_a_layernorm.weight": "kv_norm.weight",
    "self_attn.kv_b_proj.weight": "wkv_b.weight",
    "self_attn.o_proj.weight": "wo.weight",
}
FEED_FORWARD = ("mlp.", "block_sparse_moe.", "post_attention_layernorm.")
RECOMPUTED = "rotary_emb.inv_freq"  # of earlier checkpoints; follows from rope_theta


def llama_attention_state(state_dict: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state_dict of a GroupedAttention from one layer of a Hugging Face Llama checkpoint.

    `prefix` is the layer's, as "model.layers.0."; tensors are not copied.

    Raises:
        ValueError: a weight is missing, or the layer has weights beside those of its feed-forward
            part that have no place here, such as biases, further norms, or scales of quantised
            weights.
    """
    return _renamed(state_dict, prefix, LLAMA_NAMES)


def deepseek_attention_state(state_dict: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state_dict of a latent layer from one layer of a DeepSeek-V2 or V3 checkpoint.

    It fits both forms. `prefix` is the layer's, as "model.layers.0."; tensors are not copied. The
    query is low-rank where the checkpoint has `q_a_proj`, as the layer's q_lora_rank must say.

    Raises:
        ValueError: a weight is missing, or the layer has weights beside those of its feed-forward
            part that have no place here, such as biases or scales of quantised weights.
    """
    is_low_rank = f"{prefix}self_attn.q_a_proj.weight" in state_dict
    query_names = DEEPSEEK_LOW_RANK_QUERY_NAMES if is_low_rank else DEEPSEEK_QUERY_NAMES
    return _renamed(state_dict, prefix, DEEPSEEK_NAMES | query_names)


def _renamed(
    state_dict: Mapping[str, Tensor], prefix: str, names: Mapping[str, str]
) -> dict[str, Tensor]:
    missing = [prefix + name for name in names if prefix + name not in state_dict]
    if missing:
        raise ValueError(f"the checkpoint must have {', '.join(missing)}: it does not")
    unknown = [
        name
        for name in state_dict
        if name.startswith(prefix)
        and name.removeprefix(prefix) not in names
        and not name.removeprefix(prefix).startswith(FEED_FORWARD)
        and not name.endswith(RECOMPUTED)
    ]
    if unknown:
        raise ValueError(f"the layer has no place for {', '.join(unknown)}")
    return {new: state_dict[prefix + old] for old, new in names.items()}
