"""Attention of new tokens to cached ones: validated inputs, a named kernel, a causal mask.

b batch, t query tokens, s cached tokens (the query tokens last), h query heads, k K/V heads,
d head_dim, v v_head_dim.

One new token attends to all cached ones, so a decode step needs no mask: it reads the cache and
does little else. Several new tokens (a prefill) attend to the cached ones and those before them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.configs import ConcreteKernel
from gqa_core.engine.kernels.dispatch import record_kernel, run_kernel
from gqa_core.engine.kernels.plan import TRITON, kernel_for_tensors
from gqa_core.engine.kernels.torch_kernels import matmul_with_lse
from gqa_core.engine.validation import validate_qkv

__all__ = ["attention_with_lse", "causal_attention", "decode_attention"]


def decode_attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, kernel: str = "auto"
) -> Tensor:
    """Output (b, h, 1, v) of one query token per sequence over all cached tokens.

    q is (b, h, 1, d), k (b, k, s, d), v (b, k, s, v); query head i reads K/V head i // (h / k).
    `scale` defaults to d ** -0.5. Absorbed MLA is k = 1, d = c + r, v = c and must pass its own
    scale, (qk_nope_head_dim + qk_rope_head_dim) ** -0.5.

    Raises:
        ValueError: shapes, dtypes or devices do not match, there is more than one query token, or
            no kernel has that name.
    """
    if q.ndim == 4 and q.shape[2] != 1:
        raise ValueError(f"q must hold one token, (b, h, 1, d): got {tuple(q.shape)}")
    return causal_attention(q, k, v, scale=scale, kernel=kernel)


def causal_attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, kernel: str = "auto"
) -> Tensor:
    """Output (b, h, t, v) of the last t of s tokens, each attending to itself and all before it.

    Shapes as in `decode_attention`, with t query tokens, t <= s.

    Raises:
        ValueError: as `decode_attention`, except for the number of query tokens.
    """
    validate_qkv(q, k, v)
    t, s = q.shape[2], k.shape[2]
    mask = None
    if t > 1:
        mask = torch.ones(t, s, dtype=torch.bool, device=q.device).tril(diagonal=s - t)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    return run_kernel(kernel_for_tensors(kernel, q, k, v), q, k, v, scale=scale, mask=mask)


def attention_with_lse(
    kernel: ConcreteKernel, q: Tensor, k: Tensor, v: Tensor, *, scale: float
) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, v) and natural log-sum-exp (b, h), float32, of one query token.

    Shapes as in `decode_attention`. Of the kernels over plain tensors `triton` returns both; for
    any other `matmul` does.

    Raises:
        ValueError: as `decode_attention`, or there is no cached token.
    """
    validate_qkv(q, k, v)
    if q.shape[2] != 1:
        raise ValueError(f"q must hold one token, (b, h, 1, d): got {tuple(q.shape)}")
    if kernel == TRITON:
        from gqa_core.engine.triton_split_kv.attention import grouped_attention  # where installed

        record_kernel(TRITON)
        return grouped_attention(q, k, v, scale=scale)
    record_kernel("matmul")
    return matmul_with_lse(q, k, v, scale=scale)
