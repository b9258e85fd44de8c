"""Log-sum-exps of scores beside outputs: natural ones, of every kernel that returns them."""

import math

import pytest
import torch

from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.kernels.dispatch import record_kernels
from tests.tolerances import TOLERANCE, relative_error

KERNELS = ("split_kv", "matmul")
MAX_DIFFERENCE = {torch.float32: 1e-5, torch.bfloat16: 4e-2, torch.float16: 1e-2}


def lse(q, k, scale):
    """The definition in float64, (b, h): log of the sum of exp(q k scale)."""
    k = k.double().repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    return torch.logsumexp(q.double() @ k.transpose(-1, -2) * scale, dim=-1)[..., 0]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("s", [1, 7, 64, 65, 1000])
def test_grouped_and_latent_caches_return_the_natural_log_sum_exp(s, dtype, kernel):
    torch.manual_seed(3)
    q, k, v = (torch.randn(3, n, t, 16).to(dtype) for n, t in [(8, 1), (2, s), (2, s)])
    cache = KVCache.from_tensors(k, v, kernel)
    with record_kernels() as kernels:
        o, score_lse = cache.attend_with_lse(q)
    assert kernels.last == kernel
    assert relative_error(o, cache.attend(q)) < TOLERANCE[dtype]
    assert (score_lse - lse(q, k, 0.25)).abs().max() < MAX_DIFFERENCE[dtype]
    latent, rope_key = torch.randn(3, s, 24).to(dtype), torch.randn(3, s, 8).to(dtype)
    q_parts = torch.randn(3, 8, 1, 24).to(dtype), torch.randn(3, 8, 1, 8).to(dtype)
    latents = LatentCache.from_tensors(latent, rope_key, kernel)
    o, score_lse = latents.attend_with_lse(*q_parts, scale=0.2)
    assert relative_error(o, latents.attend(*q_parts, scale=0.2)) < TOLERANCE[dtype]
    keys = torch.cat((latent, rope_key), dim=-1)[:, None]
    expected = lse(torch.cat(q_parts, dim=-1), keys, 0.2)
    assert (score_lse - expected).abs().max() < MAX_DIFFERENCE[dtype]
    assert score_lse.dtype == torch.float32


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_halves_of_a_context_merge_to_the_whole(kernel):
    torch.manual_seed(4)
    q, k, v = (torch.randn(1, n, t, 16) for n, t in [(8, 1), (2, 901), (2, 901)])
    parts = [
        KVCache.from_tensors(k[:, :, i::2], v[:, :, i::2], kernel).attend_with_lse(q)
        for i in range(2)
    ]
    weights = torch.softmax(torch.stack([part[1] for part in parts]), dim=0)[..., None, None]
    merged = sum(weight * part[0] for weight, part in zip(weights, parts, strict=True))
    expected = KVCache.from_tensors(k, v, kernel).attend(q)
    assert relative_error(merged, expected) < 1e-5
    base_2 = torch.softmax(torch.stack([part[1] for part in parts]) / math.log(2), dim=0)
    wrong = sum(w[..., None, None] * p[0] for w, p in zip(base_2, parts, strict=True))
    assert relative_error(wrong, expected) > 1e-3
