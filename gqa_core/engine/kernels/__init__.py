"""The attention kernels, one file each, chosen by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gqa_core.configs import validate_kernel
from gqa_core.engine.kernels.auto import MANY_TOKENS, SPLIT_KV_FROM, choose
from gqa_core.engine.kernels.eager import eager
from gqa_core.engine.kernels.matmul import matmul
from gqa_core.engine.kernels.packed import packed
from gqa_core.engine.kernels.sdpa import sdpa

SPLIT_KV = "split_kv"
SPLIT_KV_DTYPES = (torch.float32, torch.bfloat16, torch.float16)

KERNELS: dict[str, Callable[..., Tensor]] = {  # those that read K and V as they come
    "eager": eager,
    "sdpa": sdpa,
    "packed": packed,
    "matmul": matmul,
}


def resolve(kernel: str, q: Tensor, v: Tensor) -> str:
    """The name of the kernel that runs on plain tensors when `kernel` is asked for.

    `split_kv` attends for one token and no gradient; what it cannot do MANY_TOKENS does instead.

    Raises:
        ValueError: no kernel has that name.
    """
    validate_kernel(kernel)
    if kernel == SPLIT_KV and (q.shape[2] > 1 or q.requires_grad):
        return MANY_TOKENS
    return choose(q, v) if kernel == "auto" else kernel


def resolve_layout(kernel: str, dtype: torch.dtype, device: torch.device, capacity: int) -> str:
    """The name of the kernel that a cache is laid out for; `auto` stays where torch's calls serve.

    `auto` takes `split_kv` for caches of SPLIT_KV_FROM tokens and more.

    Raises:
        ValueError: no kernel has that name, or `split_kv` cannot serve such a cache.
    """
    validate_kernel(kernel)
    if kernel not in ("auto", SPLIT_KV):
        return kernel
    is_served = device.type == "cpu" and dtype in SPLIT_KV_DTYPES
    if kernel == SPLIT_KV and not is_served:
        names = ", ".join(str(one).removeprefix("torch.") for one in SPLIT_KV_DTYPES)
        raise ValueError(f"split_kv must have a CPU and one of {names}: got {device}, {dtype}")
    is_worth_it = kernel == SPLIT_KV or capacity >= SPLIT_KV_FROM
    return SPLIT_KV if is_served and is_worth_it else "auto"


def attend_with(kernel: str) -> Callable[..., Tensor]:
    """The function (q, k, v, *, scale, mask) of a kernel on plain tensors, by its own name."""
    if kernel == SPLIT_KV:
        from gqa_core.engine.kernels.split_kv import split_kv  # numba takes a while to be there

        return split_kv
    return KERNELS[kernel]
