"""The definitions of attention, computed one head and one token at a time in float64.

b batch, t query tokens, s tokens, h query heads, k K/V heads, d head_dim, v v_head_dim,
c kv_lora_rank, n qk_nope_head_dim, r qk_rope_head_dim.

Slow and plain on purpose: no code is shared with the kernels or the layers, so that agreement is
evidence.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig, LatentConfig

__all__ = ["reference_attention", "reference_grouped", "reference_latent"]

Weights = Mapping[str, Tensor]


def reference_attention(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Output (b, h, t, v), float64, of the last t of s tokens; shapes as `decode_attention`.

    Query head i reads K/V head i // (h / k); each token attends to itself and all before it.
    """
    q, k, v = q.double(), k.double(), v.double()
    b, h, t, d = q.shape
    s, q_per_kv = k.shape[2], h // k.shape[1]
    scale = d**-0.5 if scale is None else scale
    o = torch.empty(b, h, t, v.shape[3], dtype=torch.float64, device=q.device)
    for row in range(b):
        for head in range(h):
            for token in range(t):
                end = s - t + token + 1
                keys, values = k[row, head // q_per_kv, :end], v[row, head // q_per_kv, :end]
                scores = (keys @ q[row, head, token]) * scale
                o[row, head, token] = torch.softmax(scores, dim=0) @ values
    return o


def reference_grouped(config: GroupedConfig, weights: Weights, x: Tensor) -> Tensor:
    """Output (s, dim), float64, of a grouped layer for x (s, dim); weights named as the layer's.

    Source: GQA (arXiv:2305.13245), section 2.2; RoPE in halves as in Llama.
    """
    c, w = config, {name: tensor.double() for name, tensor in weights.items()}
    x = _rms_norm(x.double(), w["norm.weight"])
    q = (x @ w["wq.weight"].T).view(-1, c.n_heads, c.head_dim)
    k = (x @ w["wk.weight"].T).view(-1, c.n_kv_heads, c.head_dim)
    v = (x @ w["wv.weight"].T).view(-1, c.n_kv_heads, c.v_head_dim)
    half = c.head_dim // 2
    pairs = [(i, i + half) for i in range(half)]
    o = reference_attention(_apply_rope(q, pairs), _apply_rope(k, pairs), v.transpose(0, 1)[None])
    return o[0].transpose(0, 1).flatten(1) @ w["wo.weight"].T


def reference_latent(config: LatentConfig, weights: Weights, x: Tensor) -> Tensor:
    """Output (s, dim), float64, of an MLA layer for x (s, dim); weights named as the layer's.

    Source: DeepSeek-V2 report (arXiv:2405.04434), equations 9 to 19.
    """
    c, w = config, {name: tensor.double() for name, tensor in weights.items()}
    x = _rms_norm(x.double(), w["norm.weight"])
    if c.q_lora_rank is None:
        q = x @ w["wq.weight"].T
    else:
        q = _rms_norm(x @ w["wq_a.weight"].T, w["q_norm.weight"]) @ w["wq_b.weight"].T
    q = q.view(-1, c.n_heads, c.qk_head_dim)
    entry = x @ w["wkv_a.weight"].T
    latent = _rms_norm(entry[:, : c.kv_lora_rank], w["kv_norm.weight"])
    rope_key = entry[:, None, c.kv_lora_rank :]
    kv = (latent @ w["wkv_b.weight"].T).view(-1, c.n_heads, c.qk_nope_head_dim + c.v_head_dim)
    k_nope, v = kv.split((c.qk_nope_head_dim, c.v_head_dim), dim=-1)
    pairs = [(i, i + 1) for i in range(0, c.qk_rope_head_dim, 2)]
    q_rope, k_rope = _apply_rope(q[..., c.qk_nope_head_dim :], pairs), _apply_rope(rope_key, pairs)
    heads = []
    for head in range(c.n_heads):
        q_head = torch.cat(
            (q[None, None, :, head, : c.qk_nope_head_dim], q_rope[:, head, None]), -1
        )
        k_head = torch.cat((k_nope[None, None, :, head], k_rope), -1)
        v_head = v[None, None, :, head]
        heads.append(reference_attention(q_head, k_head, v_head)[0, 0])
    return torch.cat(heads, dim=-1) @ w["wo.weight"].T


def _rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-6) * weight


def _apply_rope(x: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """x (s, heads, width) rotated, as (1, heads, s, width): pair i of token p by its angle."""
    rotated = torch.empty_like(x)
    for token in range(x.shape[0]):
        for i, (a, b) in enumerate(pairs):
            angle = torch.tensor(token * 10_000.0 ** (-2 * i / x.shape[2]), dtype=torch.float64)
            cos, sin = torch.cos(angle), torch.sin(angle)
            rotated[token, :, a] = x[token, :, a] * cos - x[token, :, b] * sin
            rotated[token, :, b] = x[token, :, b] * cos + x[token, :, a] * sin
    return rotated.transpose(0, 1)[None]
