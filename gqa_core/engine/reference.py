"""The definitions, written down one head and one token at a time in float64.

Slow and plain on purpose: nothing here is shared with the kernels or the modules, so agreement
means something. b batch, h query heads, k K/V heads, s tokens, d width of a key, v of a value,
c kv_lora_rank, n qk_nope_head_dim, r qk_rope_head_dim.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig, LatentConfig

Weights = Mapping[str, Tensor]


def reference_attention(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Output (b, h, t, v), float64, of the last t of s tokens; shapes as `decode_attention`.

    Query head i reads K/V head i // (h / k), each token itself and all before it.
    """
    q, k, v = q.double(), k.double(), v.double()
    b, h, t, d = q.shape
    s, q_per_kv = k.shape[2], h // k.shape[1]
    scale = d**-0.5 if scale is None else scale
    o = torch.empty(b, h, t, v.shape[3], dtype=torch.float64, device=q.device)
    for row in range(b):
        for head in range(h):
            for token in range(t):
                seen = s - t + token + 1
                keys, values = k[row, head // q_per_kv, :seen], v[row, head // q_per_kv, :seen]
                scores = (keys @ q[row, head, token]) * scale
                o[row, head, token] = torch.softmax(scores, dim=0) @ values
    return o


def reference_grouped(config: GroupedConfig, weights: Weights, x: Tensor) -> Tensor:
    """What a grouped layer adds to x (s, dim), float64; weights named as the module's.

    Source: GQA (arXiv:2305.13245), section 2.2; RoPE in halves as in Llama.
    """
    c, w = config, {name: tensor.double() for name, tensor in weights.items()}
    x = _rms_norm(x.double(), w["norm.weight"])
    q = (x @ w["wq.weight"].T).view(-1, c.n_heads, c.head_dim)
    k = (x @ w["wk.weight"].T).view(-1, c.n_kv_heads, c.head_dim)
    v = (x @ w["wv.weight"].T).view(-1, c.n_kv_heads, c.v_head_dim)
    half = c.head_dim // 2
    pairs = [(i, i + half) for i in range(half)]
    o = reference_attention(_turned(q, pairs), _turned(k, pairs), v.transpose(0, 1)[None])
    return o[0].transpose(0, 1).flatten(1) @ w["wo.weight"].T


def reference_latent(config: LatentConfig, weights: Weights, x: Tensor) -> Tensor:
    """What an MLA layer adds to x (s, dim), float64; weights named as the modules'.

    Source: DeepSeek-V2 report (arXiv:2405.04434), equations 9 to 19.
    """
    c, w = config, {name: tensor.double() for name, tensor in weights.items()}
    x = _rms_norm(x.double(), w["norm.weight"])
    if c.q_lora_rank is None:
        q = x @ w["wq.weight"].T
    else:
        q = _rms_norm(x @ w["wq.0.weight"].T, w["wq.1.weight"]) @ w["wq.2.weight"].T
    q = q.view(-1, c.n_heads, c.qk_head_dim)
    down = x @ w["w_dkv.weight"].T
    latent = _rms_norm(down[:, : c.kv_lora_rank], w["kv_norm.weight"])
    rope_key = down[:, None, c.kv_lora_rank :]
    pairs = [(i, i + 1) for i in range(0, c.qk_rope_head_dim, 2)]
    q_rope, k_rope = _turned(q[..., c.qk_nope_head_dim :], pairs), _turned(rope_key, pairs)
    heads = []
    for head in range(c.n_heads):
        q_head = torch.cat(
            (q[None, None, :, head, : c.qk_nope_head_dim], q_rope[:, head, None]), -1
        )
        k_head = torch.cat(((latent @ w["w_uk"][head].T)[None, None], k_rope), -1)
        v_head = (latent @ w["w_uv"][head].T)[None, None]
        heads.append(reference_attention(q_head, k_head, v_head)[0, 0])
    return torch.cat(heads, dim=-1) @ w["wo.weight"].T


def _rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-6) * weight


def _turned(x: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """x (s, heads, width) as (1, heads, s, width), pair i of token p turned by its angle."""
    turned = torch.empty_like(x)
    for token in range(x.shape[0]):
        for i, (a, b) in enumerate(pairs):
            angle = torch.tensor(token * 10_000.0 ** (-2 * i / x.shape[2]), dtype=torch.float64)
            cos, sin = torch.cos(angle), torch.sin(angle)
            turned[token, :, a] = x[token, :, a] * cos - x[token, :, b] * sin
            turned[token, :, b] = x[token, :, b] * cos + x[token, :, a] * sin
    return turned.transpose(0, 1)[None]
