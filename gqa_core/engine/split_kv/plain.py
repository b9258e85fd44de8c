"""Split-KV attention of one query token in plain torch: the algorithm that the kernel compiles.

b batch, k K/V heads, g queries per K/V head, s cached tokens, d head_dim, v v_head_dim.

The context is split into chunks, which are independent of each other. Each chunk is walked page by
page with an online softmax: the running maximum of the scores, the running sum of the weights and
the accumulated weighted sum of the values. At the end the chunks are merged, each weighted by how
far its maximum lies below the maximum of all (flash-decoding).

Source: FlashAttention-2 (arXiv:2307.08691), section 3.1, for the online softmax.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gqa_core.engine.key_layouts import PAGE


def plain_split_kv(q: Tensor, k: Tensor, v: Tensor, scale: float, n_chunks: int) -> Tensor:
    """Output (b, k, g, v) of q (b, k, g, d) over k (b, k, s, d) and v (b, k, s, v)."""
    chunks = zip(k.chunk(n_chunks, dim=2), v.chunk(n_chunks, dim=2), strict=True)
    parts = [_attend_chunk(q, keys, values, scale) for keys, values in chunks]
    overall_max = torch.stack([running_max for running_max, _, _ in parts]).amax(dim=0)
    denominator, acc = torch.zeros_like(overall_max), torch.zeros_like(parts[0][2])
    for running_max, running_sum, chunk_acc in parts:
        rescale = torch.exp(running_max - overall_max)
        denominator, acc = denominator + running_sum * rescale, acc + chunk_acc * rescale
    return acc / denominator


def _attend_chunk(q: Tensor, k: Tensor, v: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Running maximum and sum (b, k, g, 1) and accumulated values (b, k, g, v) of one chunk."""
    running_max = q.new_full((*q.shape[:3], 1), -math.inf)
    running_sum, acc = torch.zeros_like(running_max), q.new_zeros(*q.shape[:3], v.shape[3])
    for keys, values in zip(k.split(PAGE, dim=2), v.split(PAGE, dim=2), strict=True):
        scores = q @ keys.transpose(-1, -2) * scale
        new_max = torch.maximum(running_max, scores.amax(dim=-1, keepdim=True))
        rescale, weights = torch.exp(running_max - new_max), torch.exp(scores - new_max)
        running_sum = running_sum * rescale + weights.sum(dim=-1, keepdim=True)
        acc, running_max = acc * rescale + weights @ values, new_max
    return running_max, running_sum, acc
