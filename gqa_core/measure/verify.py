"""Comparisons really computed: the same attention two ways, and how far the two are apart.

One side is the engine as the dashboard runs it, the other a definition or another form of the same
thing. Inputs are rounded to the dtype first, so what differs is the arithmetic alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.configs import default_mla_for
from gqa_core.engine import decode_attention
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.latent import AbsorbedLatentAttention, NaiveLatentAttention
from gqa_core.engine.reference import reference_attention
from gqa_core.measure.decode import SEED
from gqa_core.measure.device import describe, find_device
from gqa_core.records.specs.verify import CACHED_TOKENS, VerifySpec


@torch.inference_mode()
def measure_verify(point: VerifySpec, device_asked: str = "auto") -> dict[str, object]:
    """The largest difference, and the relative L2 error, of the point's comparison.

    Raises:
        ValueError: `device_asked` is not a device's name.
        RuntimeError: torch could not allocate or run it.
    """
    device = find_device(device_asked)
    torch.manual_seed(SEED)
    with device:
        got, expected = _sides(point)
    difference = (got.double() - expected.double()).abs()
    return {
        "torch_version": torch.__version__,
        "device": describe(device),
        "max_difference": difference.max().item(),
        "relative_error": (difference.norm() / expected.double().norm()).item(),
    }


def _sides(point: VerifySpec) -> tuple[Tensor, Tensor]:
    match point.comparison:
        case "gqa_is_mha":
            return _gqa_is_mha(point)
        case "gqa_is_mqa":
            return _gqa_is_mqa(point)
        case "absorbed_is_naive":
            return _absorbed_is_naive(point)
        case "cached_is_uncached":
            return _cached_is_uncached(point)
    q, k, v = _qkv(point, point.attention.n_kv_heads)
    expected = reference_attention(q.cpu(), k.cpu(), v.cpu()).to(q.device)
    kernel = point.comparison.removeprefix("kernel_")
    return decode_attention(q, *_shared(point, k, v), kernel=kernel), expected


def _gqa_is_mha(point: VerifySpec) -> tuple[Tensor, Tensor]:
    """Each head with its own K and V, written as MHA is: no head is shared anywhere."""
    q, k, v = _qkv(point, point.attention.n_heads)
    scores = torch.einsum("bhtd,bhsd->bhts", q.double(), k.double()) * q.shape[-1] ** -0.5
    expected = torch.einsum("bhts,bhsv->bhtv", scores.softmax(dim=-1), v.double())
    return decode_attention(q, *_shared(point, k, v)), expected


def _gqa_is_mqa(point: VerifySpec) -> tuple[Tensor, Tensor]:
    """All heads over one K and V that have no head axis at all, as MQA is written."""
    q, k, v = _qkv(point, 1)
    scores = torch.einsum("bhtd,bsd->bhts", q.double(), k[:, 0].double()) * q.shape[-1] ** -0.5
    expected = torch.einsum("bhts,bsv->bhtv", scores.softmax(dim=-1), v[:, 0].double())
    return decode_attention(q, *_shared(point, k, v)), expected


def _absorbed_is_naive(point: VerifySpec) -> tuple[Tensor, Tensor]:
    """One decode step by both forms, over the same latents: cached as they are, and unfolded."""
    config = default_mla_for(point.attention.n_heads, point.attention.head_dim)
    like = {"dtype": getattr(torch, point.dtype)}
    naive, absorbed = NaiveLatentAttention(config, **like), AbsorbedLatentAttention(config, **like)
    absorbed.load_state_dict(naive.state_dict())
    b, past = point.workload.batch_size, point.workload.context_len - 1
    wide, narrow = naive.new_cache(b, past + 1), absorbed.new_cache(b, past + 1)
    if past:
        latent = torch.randn(b, past, config.kv_lora_rank, **like)
        rope_key = torch.randn(b, past, config.qk_rope_head_dim, **like)
        narrow.append(latent, rope_key)
        no_query = latent.new_zeros(b, config.n_heads, past, 0)
        wide.append(*naive.attention_inputs(no_query, no_query, latent, rope_key)[1])
    x = torch.randn(b, 1, config.dim, **like)
    return absorbed(x, narrow), naive(x, wide)


def _cached_is_uncached(point: VerifySpec) -> tuple[Tensor, Tensor]:
    """A short sequence token by token with a cache, and at once without one."""
    layer = GroupedAttention(point.attention, dtype=getattr(torch, point.dtype))
    n_tokens = min(point.workload.context_len, CACHED_TOKENS)
    b = point.workload.batch_size
    x = torch.randn(b, n_tokens, point.attention.dim, dtype=layer.factory_kwargs["dtype"])
    cache = layer.new_cache(b, n_tokens)
    stepped = torch.cat([layer(token, cache) for token in x.split(1, dim=1)], dim=1)
    return stepped, layer(x)


def _qkv(point: VerifySpec, n_kv_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    c, dtype = point.attention, getattr(torch, point.dtype)
    b, s = point.workload.batch_size, point.workload.context_len
    q = torch.randn(b, c.n_heads, 1, c.head_dim, dtype=dtype)
    k = torch.randn(b, n_kv_heads, s, c.head_dim, dtype=dtype)
    return q, k, torch.randn(b, n_kv_heads, s, c.v_head_dim, dtype=dtype)


def _shared(point: VerifySpec, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """K and V as they are; planted, one for each query head in the order that `repeat` gives."""
    if not point.planted:
        return k, v
    copies = (1, point.attention.n_heads // k.shape[1], 1, 1)
    return k.repeat(copies), v.repeat(copies)
