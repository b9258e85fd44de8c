"""Rotary position embedding: each pair of components is rotated in proportion to its position.

t tokens, d head_dim, r qk_rope_head_dim.

Pair i of a vector of width d is rotated by position * theta^(-2i / d), so that the product of a
query and a key depends on their distance. Two layouts of the pairs are in use, and weights of one
do not work with the other: halves (i with i + d/2, Hugging Face's Llama) for grouped attention, and
interleaved (2i with 2i + 1, DeepSeek) for latent attention.

Source: RoFormer (arXiv:2104.09864), section 3.2.2.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["DEFAULT_THETA", "cos_sin", "rotate_halves", "rotate_interleaved"]

DEFAULT_THETA = 10_000.0


def cos_sin(
    start: int, n_tokens: int, width: int, x: Tensor, theta: float = DEFAULT_THETA
) -> tuple[Tensor, Tensor]:
    """Cosines and sines at positions start .. start + n_tokens - 1, each (t, width / 2).

    They are on the device of `x`, in float32 or, if that is wider, the dtype of `x`. The angles are
    computed in float64: at position 10^6 float32 has too few digits left for them.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    compute = _cached_token if n_tokens == 1 else _cached_prefill
    return compute(start, n_tokens, width, theta, dtype, x.device)


def _cos_sin(
    start: int, n_tokens: int, width: int, theta: float, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # cached tensors are also used where gradients flow
        position = torch.arange(start, start + n_tokens, dtype=torch.float64, device="cpu")
        even = torch.arange(0, width, 2, dtype=torch.float64, device="cpu")
        frequency = theta ** (-even / width)
        angle = torch.outer(position, frequency)
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


# All layers of a step rotate by the same angles. A decode step that was captured in a graph reads
# them where they were: those of single tokens, which are small, stay for 4,096 positions.
_cached_prefill = lru_cache(maxsize=16)(_cos_sin)
_cached_token = lru_cache(maxsize=4096)(_cos_sin)


def rotate_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (..., t, d) with its pairs (i, i + d/2) rotated, computed in the dtype of cos and sin."""
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    rotated = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return rotated.to(x.dtype)


def rotate_interleaved(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (..., t, r) with its pairs (2i, 2i + 1) rotated, computed in the dtype of cos and sin."""
    even, odd = x.to(cos.dtype).unflatten(-1, (-1, 2)).unbind(-1)
    rotated = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return rotated.flatten(-2).to(x.dtype)
