"""Which kernel `auto` stands for: a small table, measured, not guessed.

On a 2-core AVX-512 CPU with torch 2.13, 32 heads of 128 and 16,384 tokens, times in ms for
32 / 8 / 1 K/V heads: float32 packed 39 / 11 / 4 (sdpa 39 / 53 / 14, eager 187 / 181 / 196);
bfloat16 matmul 21 / 7 / 3 (packed 61 / 8 / 3); absorbed MLA float32 matmul 15, packed 30.
On an accelerator SDPA's own fast paths want packed rows.
"""

from __future__ import annotations

import torch
from torch import Tensor


def choose(q: Tensor, v: Tensor) -> str:
    """The name of the kernel to run for q (b, h, t, d) and v (b, k, s, v)."""
    if q.device.type != "cpu":
        return "packed"
    if q.dtype == torch.bfloat16 or q.shape[-1] != v.shape[-1]:
        return "matmul"
    return "packed"
