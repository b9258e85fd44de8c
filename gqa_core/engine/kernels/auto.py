"""Which kernel `auto` stands for: a small table, measured, not guessed.

A cache of 512 tokens and more on a CPU is laid out for `split_kv`: from there on it is level with
the best of torch's calls or ahead of it, up to seven times for absorbed MLA in bfloat16
(docs/performance.md); at 16 tokens they are ahead by up to a half. Shorter caches, and plain
tensors that no cache has laid out for it, go to torch's own calls. On another 2-core AVX-512 CPU
with torch 2.13, 32 heads of 128, milliseconds for 32 / 8 / 1 K/V heads:

    float32, 16,384 tokens    packed 39 / 11 / 4    matmul 36 / 10 / 4
    bfloat16, 16,384 tokens   packed 61 / 8 / 3     matmul 21 / 7 / 3
    float16, 4,096 tokens     packed 35 / 12 / 1    matmul 22 / 20 / 14

and for absorbed and naive MLA at 4,096 tokens: float32 packed 7 / 54, matmul 6 / 13; bfloat16
packed 7 / 112, matmul 3 / 9; float16 packed 6 / 119, matmul 98 / 21. `sdpa` and `eager` won
nowhere. For an accelerator nothing is measured: packed rows are what SDPA's own fast paths take.
"""

from __future__ import annotations

import torch
from torch import Tensor

SPLIT_KV_FROM = 512  # tokens
MANY_TOKENS = "packed"  # what serves a prefill whose cache is laid out for single tokens


def choose(q: Tensor, v: Tensor) -> str:
    """The name of the kernel to run for plain q (b, h, t, d) and v (b, k, s, v)."""
    if q.device.type != "cpu":
        return "packed"
    if q.dtype == torch.float16:
        return "matmul" if q.shape[1] == v.shape[1] else "packed"
    return "matmul" if q.dtype == torch.bfloat16 or q.shape[-1] != v.shape[-1] else "packed"
