"""The kernel plan of a cache: which kernel attends over it, and how its keys are stored.

`auto` follows measurements, not guesses. A cache of SPLIT_KV_MIN_CAPACITY tokens or more on a CPU
is stored for `split_kv`: from there on it is level with the best of torch's calls or faster, up to
seven times for absorbed MLA in bfloat16 (docs/performance.md); at 16 tokens they are faster by up
to a half. Shorter caches, and plain tensors, are attended by torch's calls. On another 2-core
AVX-512 CPU with torch 2.13, 32 heads of 128, milliseconds for 32 / 8 / 1 K/V heads:

    float32, 16,384 tokens    packed 39 / 11 / 4    matmul 36 / 10 / 4
    bfloat16, 16,384 tokens   packed 61 / 8 / 3     matmul 21 / 7 / 3
    float16, 4,096 tokens     packed 35 / 12 / 1    matmul 22 / 20 / 14

and for absorbed and naive MLA at 4,096 tokens: float32 packed 7 / 54, matmul 6 / 13; bfloat16
packed 7 / 112, matmul 3 / 9; float16 packed 6 / 119, matmul 98 / 21. `sdpa` and `eager` were
fastest nowhere on that CPU. On accelerators nothing is measured yet: packed rows are what SDPA's
fast paths take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from gqa_core.configs import AttentionConfig, ConcreteKernel, GroupedConfig, validate_kernel

__all__ = [
    "PREFILL_KERNEL",
    "SPLIT_KV",
    "SPLIT_KV_MIN_CAPACITY",
    "KernelPlan",
    "choose_torch_kernel",
    "kernel_for_tensors",
    "plan_kernels",
    "uses_split_kv",
    "validate_split_kv",
]

SPLIT_KV: Literal["split_kv"] = "split_kv"
SPLIT_KV_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SPLIT_KV_MIN_CAPACITY = 512  # tokens from which `auto` chooses it
PREFILL_KERNEL: Literal["packed"] = "packed"  # for several tokens, over a cache for split_kv

KeyLayout = Literal["tokens", "pages"]


@dataclass(frozen=True, slots=True)
class KernelPlan:
    """The kernels of one cache, resolved once from what was requested.

    `decode` attends for one query token that needs no gradient, `prefill` for all others;
    `key_layout` is how K is stored: token by token, or in the transposed pages of `split_kv`.
    """

    requested: str
    decode: ConcreteKernel
    prefill: ConcreteKernel
    key_layout: KeyLayout = "tokens"


def plan_kernels(
    config: AttentionConfig,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    capacity: int,
    kernel: str = "auto",
) -> KernelPlan:
    """The plan for a cache of `capacity` tokens of this layer.

    Raises:
        ValueError: no kernel has that name, or `split_kv` cannot serve such a cache.
    """
    device = torch.device(device)
    if uses_split_kv(kernel, dtype=dtype, device=device, capacity=capacity):
        # Absorbed MLA stores its entries token by token for every kernel.
        layout: KeyLayout = "pages" if isinstance(config, GroupedConfig) else "tokens"
        return KernelPlan(kernel, SPLIT_KV, PREFILL_KERNEL, layout)
    if kernel != "auto":
        name = cast(ConcreteKernel, kernel)
        return KernelPlan(kernel, name, name)
    if isinstance(config, GroupedConfig):
        is_mha, same_width = config.variant == "MHA", config.head_dim == config.v_head_dim
    else:  # one K/V head of width c + r, whose values are its first c columns
        is_mha, same_width = False, False
    name = choose_torch_kernel(dtype, device, is_mha=is_mha, same_width=same_width)
    return KernelPlan(kernel, name, name)


def uses_split_kv(kernel: str, *, dtype: torch.dtype, device: torch.device, capacity: int) -> bool:
    """True if `split_kv` attends over a cache of `capacity` tokens when `kernel` is requested.

    Raises:
        ValueError: no kernel has that name, or `split_kv` is requested and cannot serve it.
    """
    validate_kernel(kernel)
    if kernel == SPLIT_KV:
        validate_split_kv(dtype, device)
        return True
    is_supported = device.type == "cpu" and dtype in SPLIT_KV_DTYPES
    return kernel == "auto" and is_supported and capacity >= SPLIT_KV_MIN_CAPACITY


def validate_split_kv(dtype: torch.dtype, device: torch.device) -> None:
    """Raise ValueError unless `split_kv` supports this dtype on this device."""
    if device.type != "cpu" or dtype not in SPLIT_KV_DTYPES:
        names = ", ".join(str(each).removeprefix("torch.") for each in SPLIT_KV_DTYPES)
        raise ValueError(f"split_kv must have a CPU and one of {names}: got {device}, {dtype}")


def choose_torch_kernel(
    dtype: torch.dtype, device: torch.device, *, is_mha: bool, same_width: bool
) -> ConcreteKernel:
    """The fastest of torch's kernels as measured; `same_width` is whether d equals v."""
    if device.type != "cpu":
        return "packed"
    if dtype == torch.float16:
        return "matmul" if is_mha else "packed"
    return "packed" if same_width and dtype != torch.bfloat16 else "matmul"


def kernel_for_tensors(kernel: str, q: Tensor, k: Tensor, v: Tensor) -> ConcreteKernel:
    """The kernel that runs on plain tensors if `kernel` is requested.

    `split_kv` attends for one token and computes no gradient; PREFILL_KERNEL does the rest.

    Raises:
        ValueError: no kernel has that name.
    """
    validate_kernel(kernel)
    if kernel == "auto":
        is_mha, same_width = q.shape[1] == k.shape[1], q.shape[3] == v.shape[3]
        return choose_torch_kernel(q.dtype, q.device, is_mha=is_mha, same_width=same_width)
    needs_grad = q.requires_grad or k.requires_grad or v.requires_grad
    if kernel == SPLIT_KV and (q.shape[2] > 1 or needs_grad):
        return PREFILL_KERNEL
    return cast(ConcreteKernel, kernel)
