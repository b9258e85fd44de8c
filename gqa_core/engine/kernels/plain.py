"""Attention written out: scores, softmax, weighted sum. The kernels differ in what they feed it."""

from __future__ import annotations

import torch
from torch import Tensor


def plain_attention(q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    """softmax(q k^T scale) v for heads that match one to one, (b, h, t, v).

    Scores leave the product in q's dtype and are scaled and normalised in float32 or wider.
    """
    scores = q @ k.transpose(-1, -2)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32)) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v
