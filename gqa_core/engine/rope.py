"""Rotary position embedding: each pair of numbers turns by an angle proportional to its position.

Pair i of a vector of width d turns by position * theta^(-2i / d), so that the product of a query
and a key depends on how far apart they are. Two layouts of the pairs are in use and do not mix:
halves (i with i + d/2, Llama) for grouped attention, interleaved (2i with 2i + 1, DeepSeek) for
latent attention.

Source: RoFormer (arXiv:2104.09864), section 3.2.2.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

THETA = 10_000.0


def rotation(start: int, n_tokens: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(cos, sin) of positions start .. start + n_tokens - 1, each (t, width / 2).

    On the device of `like`, in float32 or, if that is wider, its dtype. The angles are taken in
    float64: at position 10^6 float32 has too few digits left for them.
    """
    wide = torch.promote_types(like.dtype, torch.float32)
    return _rotation(start, n_tokens, width, wide, like.device)


@lru_cache(maxsize=16)  # all layers of a step turn by the same angles
def _rotation(
    start: int, n_tokens: int, width: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # what is kept must also serve where gradients flow
        position = torch.arange(start, start + n_tokens, dtype=torch.float64)
        frequency = THETA ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angle = torch.outer(position, frequency)
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def rotate_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (..., t, d) with its pairs (i, i + d/2) turned, in the dtype of cos and sin."""
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    turned = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return turned.to(x.dtype)


def rotate_interleaved(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (..., t, r) with its pairs (2i, 2i + 1) turned, in the dtype of cos and sin."""
    even, odd = x.to(cos.dtype).unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return turned.flatten(-2).to(x.dtype)
