"""Split-KV attention of one query token by the Triton kernels: outputs and log-sum-exps.

b batch, k K/V heads, h query heads, s cached tokens, d head_dim, v v_head_dim, c kv_lora_rank,
r qk_rope_head_dim.

The context is split into chunks, so that few K/V heads keep a whole GPU busy; a second kernel
merges the chunks by their log-sum-exps. Outputs over parts of a context that different devices hold
can be merged in the same way, which is why the log-sum-exp is returned.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from gqa_core.engine.kernels.accelerator import validate_cuda_kernel
from gqa_core.engine.quantise import CODE_FORMATS
from gqa_core.engine.triton_split_kv.blocks import Chunks
from gqa_core.engine.triton_split_kv.launch import (
    ChunkResults,
    call_grouped,
    call_latent,
    call_merge,
)
from gqa_core.engine.validation import validate_qkv

__all__ = ["grouped_attention", "latent_attention", "triton_split_kv"]

CODE_DTYPES = tuple(each.dtype for each in CODE_FORMATS.values())
INTERPRETED_MULTIPROCESSORS = 4  # of a device that is none, so that there are several chunks


def triton_split_kv(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None
) -> Tensor:
    """softmax(q k^T scale) v of one query token, as (b, h, 1, v)."""
    assert mask is None, "one token attends to all others"
    return grouped_attention(q, k, v, scale=scale)[0]


def grouped_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float,
    chunks: Chunks | None = None,
    scales: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, v) and natural log-sum-exp (b, h), float32, of q (b, h, 1, d).

    K is (b, k, s, d) and V (b, k, s, v); rows that are not contiguous are copied. `chunks` defaults
    to what keeps the device busy. With `scales` of K and of V, (b, k, s) in float32, these are
    codes, which become numbers in registers.

    Raises:
        ValueError: shapes, dtypes or devices do not match, q holds several tokens, or Triton cannot
            serve them.
    """
    if scales is None:
        validate_qkv(q, k, v)
    else:
        _validate_codes((k, v), scales)
        validate_qkv(q, *(q.new_empty(()).expand(x.shape) for x in (k, v)))
    if q.shape[2] != 1:
        raise ValueError(f"q must hold one token, (b, h, 1, d): got {tuple(q.shape)}")
    validate_cuda_kernel("triton", q.dtype, k.device, d=k.shape[3], v=v.shape[3])
    k, v = (x if x.stride(3) == 1 else x.contiguous() for x in (k, v))
    call, results = call_grouped(q, k, v, scale, chunks or _n_multiprocessors(k.device), scales)
    call.launch()
    return _merge(results, q.dtype)


def latent_attention(
    q_latent: Tensor,
    q_rope: Tensor,
    entries: Tensor,
    *,
    scale: float,
    chunks: Chunks | None = None,
    scales: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, c) and natural log-sum-exp (b, h), float32, of absorbed MLA.

    q_latent is (b, h, 1, c) and q_rope (b, h, 1, r); `entries` (b, s, c + r) hold the latent, then
    the RoPE key. Rows that are not contiguous are copied. With `scales` (b, s) in float32, the
    entries are codes.

    Raises:
        ValueError: shapes, dtypes or devices do not match, q holds several tokens, or Triton cannot
            serve them.
    """
    if scales is None:
        _validate_latent(q_latent, q_rope, entries)
    else:
        _validate_codes((entries,), (scales,))
        _validate_latent(q_latent, q_rope, q_latent.new_empty(()).expand(entries.shape))
    c, device = q_latent.shape[3], entries.device
    validate_cuda_kernel("triton", q_latent.dtype, device, d=entries.shape[2], v=c)
    entries = entries if entries.stride(2) == 1 else entries.contiguous()
    call, results = call_latent(
        q_latent, q_rope, entries, scale, chunks or _n_multiprocessors(device), scales
    )
    call.launch()
    return _merge(results, q_latent.dtype)


def _merge(results: ChunkResults, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, v) in this dtype and log-sum-exp (b, h) of the whole context."""
    b, h, _, width = results.o.shape
    o = results.o.new_empty(b, h, 1, width, dtype=dtype)
    lse = results.lse.new_empty(b, h)
    call_merge(results, o, lse).launch()
    return o, lse


@cache
def _n_multiprocessors(device: torch.device) -> int:
    if device.type != "cuda":
        return INTERPRETED_MULTIPROCESSORS
    return torch.cuda.get_device_properties(device).multi_processor_count


def _validate_codes(codes: tuple[Tensor, ...], scales: tuple[Tensor, ...]) -> None:
    """Raise ValueError unless there is a float32 scale per vector of codes, in contiguous rows."""
    for x, scale in zip(codes, scales, strict=True):
        if x.dtype not in CODE_DTYPES or x.dtype != codes[0].dtype:
            names = ", ".join(str(dtype) for dtype in CODE_DTYPES)
            raise ValueError(f"codes must share one dtype of {names}: got {x.dtype}")
        if scale.shape != x.shape[:-1] or scale.dtype != torch.float32 or scale.stride(-1) != 1:
            got = f"{scale.dtype}, {tuple(scale.shape)}"
            raise ValueError(f"scales must be float32, one per vector of {tuple(x.shape)}: {got}")
        if not x.device == scale.device == codes[0].device:
            devices = f"{x.device} and {scale.device}"
            raise ValueError(f"codes and scales must share a device: got {devices}")


def _validate_latent(q_latent: Tensor, q_rope: Tensor, entries: Tensor) -> None:
    """Raise ValueError unless the two parts of a query can attend to these entries."""
    shapes = f"got {tuple(q_latent.shape)}, {tuple(q_rope.shape)} and {tuple(entries.shape)}"
    is_one_token = q_latent.ndim == q_rope.ndim == 4 and q_latent.shape[2] == 1
    if not is_one_token or q_latent.shape[:3] != q_rope.shape[:3] or not q_latent.numel():
        raise ValueError(f"q_latent must be (b, h, 1, c) and q_rope (b, h, 1, r): {shapes}")
    expected = q_latent.shape[0], q_latent.shape[3] + q_rope.shape[3]
    if entries.ndim != 3 or entries.shape[::2] != expected or not entries.shape[1]:
        raise ValueError(f"entries must be (b, s, c + r) of at least one token: {shapes}")
    kinds = {(x.dtype, x.device) for x in (q_latent, q_rope, entries)}
    if len(kinds) > 1:
        names = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise ValueError(f"q_latent, q_rope and entries must share dtype and device: got {names}")
