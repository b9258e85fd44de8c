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
fastest nowhere on that CPU. On accelerators `auto` follows the rules of `accelerator`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from gqa_core.configs import (
    CUDA_KERNELS,
    DECODE_KERNELS,
    AttentionConfig,
    ConcreteKernel,
    GroupedConfig,
    QuantisedFormat,
    validate_kernel,
)
from gqa_core.engine.kernels.accelerator import (
    Accelerator,
    choose_accelerator_kernel,
    describe_accelerator,
    validate_cuda_kernel,
)

__all__ = [
    "PREFILL_KERNEL",
    "SPLIT_KV",
    "SPLIT_KV_MIN_CAPACITY",
    "TRITON",
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
TRITON: Literal["triton"] = "triton"
PREFILL_KERNEL: Literal["packed"] = "packed"  # for several tokens, over a cache of DECODE_KERNELS

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
    accelerator: Accelerator | None = None,
    kv_format: QuantisedFormat | None = None,
) -> KernelPlan:
    """The plan for a cache of `capacity` tokens of this layer.

    `kv_format` is that of a quantised cache. `accelerator` describes an accelerator that is not
    asked; by default the device itself is.

    Raises:
        ValueError: no kernel has that name, or the kernel cannot serve such a cache.
    """
    device = torch.device(device)
    if uses_split_kv(kernel, dtype=dtype, device=device, capacity=capacity):
        # Absorbed MLA stores its entries token by token for every kernel.
        layout: KeyLayout = "pages" if isinstance(config, GroupedConfig) else "tokens"
        return KernelPlan(kernel, SPLIT_KV, PREFILL_KERNEL, layout)
    d, v = _kv_widths(config)
    if kernel != "auto":
        name = cast(ConcreteKernel, kernel)
        if name in CUDA_KERNELS:
            validate_cuda_kernel(
                name, dtype, device, d=d, v=v, accelerator=accelerator, kv_format=kv_format
            )
    elif device.type == "cpu":
        is_mha = isinstance(config, GroupedConfig) and config.variant == "MHA"
        name = choose_torch_kernel(dtype, is_mha=is_mha, same_width=d == v)
    else:
        accelerator = accelerator or describe_accelerator(device)
        name = choose_accelerator_kernel(accelerator, dtype, d=d, v=v, kv_format=kv_format)
    return KernelPlan(kernel, name, PREFILL_KERNEL if name in DECODE_KERNELS else name)


def _kv_widths(config: AttentionConfig) -> tuple[int, int]:
    """Widths of K and V; absorbed MLA has one K/V head of c + r, whose first c columns are V."""
    if isinstance(config, GroupedConfig):
        return config.head_dim, config.v_head_dim
    return config.kv_lora_rank + config.qk_rope_head_dim, config.kv_lora_rank


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


def choose_torch_kernel(dtype: torch.dtype, *, is_mha: bool, same_width: bool) -> ConcreteKernel:
    """The fastest of torch's kernels as measured on CPUs; `same_width` is whether d equals v."""
    if dtype == torch.float16:
        return "matmul" if is_mha else "packed"
    return "packed" if same_width and dtype != torch.bfloat16 else "matmul"


def kernel_for_tensors(kernel: str, q: Tensor, k: Tensor, v: Tensor) -> ConcreteKernel:
    """The kernel that runs on plain tensors if `kernel` is requested.

    DECODE_KERNELS attend for one token and compute no gradient; PREFILL_KERNEL does the rest.

    Raises:
        ValueError: no kernel has that name.
    """
    validate_kernel(kernel)
    name = _auto_for_tensors(q, k, v) if kernel == "auto" else cast(ConcreteKernel, kernel)
    needs_grad = q.requires_grad or k.requires_grad or v.requires_grad
    if name in DECODE_KERNELS and (q.shape[2] > 1 or needs_grad):
        return PREFILL_KERNEL
    return name


def _auto_for_tensors(q: Tensor, k: Tensor, v: Tensor) -> ConcreteKernel:
    d, width = k.shape[3], v.shape[3]
    if q.device.type == "cpu":
        return choose_torch_kernel(q.dtype, is_mha=q.shape[1] == k.shape[1], same_width=d == width)
    return choose_accelerator_kernel(describe_accelerator(q.device), q.dtype, d=d, v=width)
