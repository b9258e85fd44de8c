"""Work of a decode step: floating-point operations, and operations per byte of cache.

b batch, h query heads, k K/V heads, s cached tokens, d width of q and K, v width of V.

One new token per sequence attends over s cached tokens. Per query head and cached token, scores
take 2 d operations and the weighted sum 2 v. Sharing K/V heads therefore leaves the work unchanged
and reduces the bytes: intensity rises with n_heads / n_kv_heads. Absorbed MLA attends in latent
space, with d = c + r and v = c; the naive form is `LatentConfig.expanded`.

A multiply-add counts as two operations. Softmax, norm and RoPE are not counted.
Source: DeepSeek-V2 report (arXiv:2405.04434), appendix C, for the absorbed form.
"""

from __future__ import annotations

from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.theory.memory import kv_read_bytes

__all__ = [
    "arithmetic_intensity",
    "attended_dims",
    "decode_flops",
    "projection_flops",
    "projection_parameters",
]


def attended_dims(attention: AttentionConfig) -> tuple[int, int]:
    """Widths (d, v) of K and V as a query head sees them; of MLA in its absorbed form."""
    if isinstance(attention, GroupedConfig):
        return attention.head_dim, attention.v_head_dim
    return attention.kv_lora_rank + attention.qk_rope_head_dim, attention.kv_lora_rank


def decode_flops(model: ModelConfig, workload: Workload) -> int:
    """FLOP of attention in one step, all layers and sequences: 2 b h s (d + v) per layer."""
    return sum(
        2
        * workload.batch_size
        * group.n_layers
        * group.attention.n_heads
        * group.cached_tokens(workload.context_len)
        * sum(attended_dims(group.attention))
        for group in model
    )


def projection_parameters(attention: AttentionConfig) -> int:
    """Elements of one layer's projection matrices: q, k, v and output, without norms."""
    h, dim = attention.n_heads, attention.dim
    output = h * attention.v_head_dim * dim
    if isinstance(attention, GroupedConfig):
        kv = dim * attention.n_kv_heads * (attention.head_dim + attention.v_head_dim)
        return dim * h * attention.head_dim + kv + output
    rank, query = attention.q_lora_rank, h * attention.qk_head_dim
    q = dim * query if rank is None else dim * rank + rank * query
    down = dim * (attention.kv_lora_rank + attention.qk_rope_head_dim)
    up = attention.kv_lora_rank * h * (attention.qk_nope_head_dim + attention.v_head_dim)
    return q + down + up + output


def projection_flops(model: ModelConfig, workload: Workload) -> int:
    """FLOP of all projections in one step: 2 b per matrix element.

    Equal for both forms of MLA: absorbed applies W_UK to the query and W_UV to the output, naive
    applies the same two matrices to the new token's latent.
    """
    return sum(
        2 * workload.batch_size * group.n_layers * projection_parameters(group.attention)
        for group in model
    )


def arithmetic_intensity(model: ModelConfig, workload: Workload, kv_format: str) -> float:
    """FLOP of attention per byte of cache read.

    Raises:
        ValueError: the format is unknown.
    """
    return decode_flops(model, workload) / kv_read_bytes(model, workload, kv_format)
