"""Inputs of the interpreted kernels, and their outputs held against the definition in float64."""

import torch

from gqa_core.engine.reference import reference_attention
from gqa_core.engine.triton_split_kv.attention import grouped_attention, latent_attention
from tests.tolerances import TOLERANCE, relative_error


def qkv(b, h, k, s, d, v=None, dtype=torch.float32, size=1.0):
    generator = torch.Generator().manual_seed(7)
    shapes = (b, h, 1, d), (b, k, s, d), (b, k, s, v or d)
    q, keys, values = (torch.randn(*shape, generator=generator) for shape in shapes)
    return (q * size).to(dtype), keys.to(dtype), values.to(dtype)


def log_sum_exp(q, k, scale):
    """The natural log-sum-exp (b, h), float64, by torch."""
    k = k.double().repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    return ((q.double() @ k.transpose(-1, -2)) * scale).logsumexp(-1)[..., 0]


def check_grouped(q, k, v, scale, chunks=None):
    o, lse = grouped_attention(q, k, v, scale=scale, chunks=chunks)
    assert o.dtype == q.dtype
    assert o.shape == (*q.shape[:3], v.shape[3])
    assert relative_error(o, reference_attention(q, k, v, scale)) < TOLERANCE[q.dtype]
    assert relative_error(lse, log_sum_exp(q, k, scale)) < 1e-5


def check_latent(q, entries, c, scale, chunks=None):
    """q (b, h, 1, c + r) over entries (b, 1, s, c + r)."""
    o, lse = latent_attention(q[..., :c], q[..., c:], entries[:, 0], scale=scale, chunks=chunks)
    expected = reference_attention(q, entries, entries[..., :c], scale)
    assert o.dtype == q.dtype
    assert relative_error(o, expected) < TOLERANCE[q.dtype]
    assert relative_error(lse, log_sum_exp(q, entries, scale)) < 1e-5
