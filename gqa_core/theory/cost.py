"""Work of a decode step: floating-point operations, and how many come to a byte of cache.

One new token per sequence attends over s cached tokens. Scores take 2 d and the weighted sum 2 v
operations for each query head and cached token, so sharing K/V heads leaves the work as it is and
shrinks the bytes: intensity rises with n_heads / n_kv_heads. Absorbed MLA attends in latent space,
with d = c + r and v = c; the naive form is `LatentConfig.expanded`.

A multiply-add counts as two operations; softmax, norm and RoPE are not counted.
Source: DeepSeek-V2 report (arXiv:2405.04434), appendix C, for the absorbed form.
"""

from __future__ import annotations

from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.theory.memory import kv_read_bytes


def attended_dims(attention: AttentionConfig) -> tuple[int, int]:
    """Widths (d, v) of what a query head attends over; for latent attention in absorbed form."""
    if isinstance(attention, GroupedConfig):
        return attention.head_dim, attention.v_head_dim
    return attention.kv_lora_rank + attention.qk_rope_head_dim, attention.kv_lora_rank


def decode_flops(model: ModelConfig, workload: Workload) -> int:
    """FLOP of attending in one step, all layers and sequences: 2 b h s (d + v) a layer."""
    return sum(
        2
        * workload.batch_size
        * run.n_layers
        * run.attention.n_heads
        * run.cached_tokens(workload.context_len)
        * sum(attended_dims(run.attention))
        for run in model
    )


def projection_parameters(attention: AttentionConfig) -> int:
    """Elements of one layer's projection matrices: q, k, v and output; norms not counted."""
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

    The same for both forms of MLA: absorbed folds W_UK into the query and W_UV into the output,
    naive expands the new token's latent with the same two matrices.
    """
    return sum(
        2 * workload.batch_size * run.n_layers * projection_parameters(run.attention)
        for run in model
    )


def arithmetic_intensity(model: ModelConfig, workload: Workload, kv_format: str) -> float:
    """FLOP of attending per byte of cache read.

    Raises:
        ValueError: the format is not known.
    """
    return decode_flops(model, workload) / kv_read_bytes(model, workload, kv_format)
