"""Attention of new tokens over cached ones: checked inputs, a named kernel, a causal mask.

b batch, t new tokens, s cached tokens (the new ones last), h query heads, k K/V heads,
d width of query and key, v width of value.

One new token sees every cached one, so a decode step needs no mask and does nothing but read the
cache. Several new tokens (a prefill) see the cached ones and those before them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.engine.kernels import attend_with, resolve


def decode_attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, kernel: str = "auto"
) -> Tensor:
    """Output (b, h, 1, v) of one query token per sequence over all cached tokens.

    q is (b, h, 1, d), k (b, k, s, d), v (b, k, s, v); query head i reads K/V head i // (h / k).
    `scale` is d ** -0.5 unless given: absorbed MLA is k = 1, d = c + r, v = c and must give its
    own, (qk_nope_head_dim + qk_rope_head_dim) ** -0.5.

    Raises:
        ValueError: shapes, dtypes or devices do not fit, more than one query token, or no kernel
            has that name.
    """
    if q.ndim == 4 and q.shape[2] != 1:
        raise ValueError(f"q must hold one token, (b, h, 1, d): got {tuple(q.shape)}")
    return causal_attention(q, k, v, scale=scale, kernel=kernel)


def causal_attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, kernel: str = "auto"
) -> Tensor:
    """Output (b, h, t, v) of the last t of s tokens, each over itself and all before it.

    Shapes as in `decode_attention`, with t query tokens, t <= s.

    Raises:
        ValueError: as `decode_attention`, but for the number of query tokens.
    """
    require_fit(q, k, v)
    t, s = q.shape[2], k.shape[2]
    mask = None
    if t > 1:
        mask = torch.ones(t, s, dtype=torch.bool, device=q.device).tril(diagonal=s - t)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    return attend_with(resolve(kernel, q, v))(q, k, v, scale=scale, mask=mask)


def require_fit(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Nothing, if q (b, h, t, d) can attend over k (b, k, s, d) and v (b, k, s, v).

    Raises:
        ValueError: shapes, dtypes or devices do not fit.
    """
    shapes = f"got q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(f"q, k and v must have 4 dimensions: {shapes}")
    if not 0 < q.shape[2] <= k.shape[2] == v.shape[2]:
        raise ValueError(f"k and v must hold the same tokens, at least those of q: {shapes}")
    if not q.shape[0] == k.shape[0] == v.shape[0] or k.shape[1] != v.shape[1]:
        raise ValueError(f"q, k and v must agree in batch, k and v in heads: {shapes}")
    if q.shape[3] != k.shape[3]:
        raise ValueError(f"q and k must have the same width: {shapes}")
    if not k.shape[1] or q.shape[1] % k.shape[1]:
        raise ValueError(f"n_kv_heads must divide n_heads: got {k.shape[1]} and {q.shape[1]}")
    if not (q.dtype == k.dtype == v.dtype and q.dtype.is_floating_point):
        raise ValueError(
            f"q, k and v must share a float dtype: got {q.dtype}, {k.dtype}, {v.dtype}"
        )
    if not q.device == k.device == v.device:
        raise ValueError(
            f"q, k and v must be on one device: got {q.device}, {k.device}, {v.device}"
        )
