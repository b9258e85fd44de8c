"""Computes the same attention in two ways and measures how far apart the results are.

One side is the engine as the dashboard runs it, the other a definition or another form of the same
attention. Inputs are rounded to the dtype first, so only the arithmetic differs, and where a cache
is quantised what its codes lose.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from gqa_core.configs import default_mla_for
from gqa_core.engine import KVCache, QuantisedKVCache, QuantisedLatentCache, decode_attention
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.latent import AbsorbedLatentAttention, NaiveLatentAttention
from gqa_core.engine.reference import reference_attention
from gqa_core.measure.decode import SEED
from gqa_core.measure.device import describe, use_device
from gqa_core.records.kinds.verify import VerifyMeasurement
from gqa_core.records.specs.verify import CACHED_TOKENS, LATENT_QUANTISED, QUANTISED, VerifySpec

__all__ = ["measure_verify"]

Quantised = TypeVar("Quantised", QuantisedKVCache, QuantisedLatentCache)


@torch.inference_mode()
def measure_verify(spec: VerifySpec, device_name: str = "auto") -> VerifyMeasurement:
    """The largest difference and the relative L2 error of the spec's comparison.

    Raises:
        ValueError: no device has this name.
        RuntimeError: torch could not allocate or run it.
    """
    device = use_device(device_name)
    torch.manual_seed(SEED)
    with device:
        result, expected = _sides(spec)
    difference = (result.double() - expected.double()).abs()
    return VerifyMeasurement(
        torch_version=str(torch.__version__),
        device=describe(device),
        max_difference=difference.max().item(),
        relative_error=(difference.norm() / expected.double().norm()).item(),
    )


def _sides(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """The result under test and what it is expected to equal."""
    match spec.comparison:
        case "gqa_is_mha":
            return _gqa_is_mha(spec)
        case "gqa_is_mqa":
            return _gqa_is_mqa(spec)
        case "absorbed_is_naive":
            return _absorbed_is_naive(spec)
        case "cached_is_uncached":
            return _cached_is_uncached(spec)
    if spec.comparison in LATENT_QUANTISED:
        return _latent_quantised_is_float64(spec)
    q, k, v = _qkv(spec, spec.attention.n_kv_heads)
    if kv_format := QUANTISED.get(spec.comparison):
        cache = QuantisedKVCache.from_tensors(k, v, n_heads=q.shape[1], kv_format=kv_format)
        return _shifted(cache, spec).attend(q), _expected(spec, q, k, v)
    expected = reference_attention(q.cpu(), k.cpu(), v.cpu()).to(q.device)
    kernel = spec.comparison.removeprefix("kernel_")
    return decode_attention(q, *_kv_for(spec, k, v), kernel=kernel), expected


def _gqa_is_mha(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """GQA with n_kv_heads = n_heads, and MHA written out: every head has its own K and V."""
    q, k, v = _qkv(spec, spec.attention.n_heads)
    scores = torch.einsum("bhtd,bhsd->bhts", q.double(), k.double()) * q.shape[-1] ** -0.5
    expected = torch.einsum("bhts,bhsv->bhtv", scores.softmax(dim=-1), v.double())
    return decode_attention(q, *_kv_for(spec, k, v)), expected


def _gqa_is_mqa(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """GQA with n_kv_heads = 1, and MQA written out: K and V without a head axis."""
    q, k, v = _qkv(spec, 1)
    scores = torch.einsum("bhtd,bsd->bhts", q.double(), k[:, 0].double()) * q.shape[-1] ** -0.5
    expected = torch.einsum("bhts,bsv->bhtv", scores.softmax(dim=-1), v[:, 0].double())
    return decode_attention(q, *_kv_for(spec, k, v)), expected


def _absorbed_is_naive(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """One decode step by both forms, over the same latents: cached as they are, and expanded."""
    config = default_mla_for(spec.attention.n_heads, spec.attention.head_dim)
    dtype = getattr(torch, spec.dtype)
    naive = NaiveLatentAttention(config, dtype=dtype)
    absorbed = AbsorbedLatentAttention(config, dtype=dtype)
    absorbed.load_state_dict(naive.state_dict())
    b, n_cached = spec.workload.batch_size, spec.workload.context_len - 1
    naive_cache, latent_cache = (
        naive.new_cache(b, n_cached + 1),
        absorbed.new_cache(b, n_cached + 1),
    )
    if n_cached:
        latent = torch.randn(b, n_cached, config.kv_lora_rank, dtype=dtype)
        rope_key = torch.randn(b, n_cached, config.qk_rope_head_dim, dtype=dtype)
        latent_cache.append(latent, rope_key)
        no_query = latent.new_zeros(b, config.n_heads, n_cached, 0)
        naive_cache.append(*naive.attention_inputs(no_query, no_query, latent, rope_key)[1])
    x = torch.randn(b, 1, config.dim, dtype=dtype)
    return absorbed(x, latent_cache), naive(x, naive_cache)


def _cached_is_uncached(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """A short sequence token by token with a cache, and all at once without one."""
    layer = GroupedAttention(spec.attention, dtype=getattr(torch, spec.dtype))
    n_tokens = min(spec.workload.context_len, CACHED_TOKENS)
    b = spec.workload.batch_size
    x = torch.randn(b, n_tokens, spec.attention.dim, dtype=layer.factory_kwargs["dtype"])
    cache = layer.new_cache(b, n_tokens)
    stepped = torch.cat([layer(token, cache) for token in x.split(1, dim=1)], dim=1)
    return stepped, layer(x)


def _expected(spec: VerifySpec, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The output of the float cache of these values, or their definition in float64."""
    if spec.comparison.endswith("is_float"):
        return KVCache.from_tensors(k, v, n_heads=q.shape[1]).attend(q)
    return reference_attention(q.cpu(), k.cpu(), v.cpu()).to(q.device)


def _latent_quantised_is_float64(spec: VerifySpec) -> tuple[Tensor, Tensor]:
    """Absorbed attention over quantised latents, and the definition over the latents themselves.

    The scores are scaled to a variance of 1, as those of grouped attention are.
    """
    config = default_mla_for(spec.attention.n_heads, spec.attention.head_dim)
    c, r, dtype = config.kv_lora_rank, config.qk_rope_head_dim, getattr(torch, spec.dtype)
    b, s = spec.workload.batch_size, spec.workload.context_len
    q = torch.randn(b, config.n_heads, 1, c + r, dtype=dtype)
    entries = torch.randn(b, 1, s, c + r, dtype=dtype)
    latent, rope_key = entries[:, 0].split((c, r), dim=-1)
    kv_format = QUANTISED[spec.comparison]
    cache = QuantisedLatentCache.from_tensors(latent, rope_key, kv_format=kv_format)
    o = _shifted(cache, spec).attend(*q.split((c, r), dim=-1), scale=(c + r) ** -0.5)
    expected = reference_attention(q.cpu(), entries.cpu(), entries[..., :c].cpu())
    return o, expected.to(q.device)


def _shifted(cache: Quantised, spec: VerifySpec) -> Quantised:
    """The cache; planted, every vector has the scale of the token before it."""
    for scales in cache.scales if spec.planted else ():
        scales.copy_(scales.roll(1, dims=-1))
    return cache


def _qkv(spec: VerifySpec, n_kv_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random q (b, h, 1, d), K (b, k, s, d) and V (b, k, s, v)."""
    c, dtype = spec.attention, getattr(torch, spec.dtype)
    b, s = spec.workload.batch_size, spec.workload.context_len
    q = torch.randn(b, c.n_heads, 1, c.head_dim, dtype=dtype)
    k = torch.randn(b, n_kv_heads, s, c.head_dim, dtype=dtype)
    return q, k, torch.randn(b, n_kv_heads, s, c.v_head_dim, dtype=dtype)


def _kv_for(spec: VerifySpec, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """K and V; planted, one per query head in the wrong order, which `repeat` gives."""
    if not spec.planted:
        return k, v
    copies = (1, spec.attention.n_heads // k.shape[1], 1, 1)
    return k.repeat(copies), v.repeat(copies)
