"""Running a kernel by its name, and recording the name of each kernel that ran.

A measurement records the kernel that attended, never the one that should have: everything that
attends goes through `run_kernel` or calls `record_kernel` itself, and `record_kernels` collects the
names.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gqa_core.configs import CUDA_KERNELS, ConcreteKernel
from gqa_core.engine.kernels import torch_kernels
from gqa_core.engine.kernels.accelerator import validate_cuda_kernel
from gqa_core.engine.kernels.plan import SPLIT_KV, TRITON, validate_split_kv
from gqa_core.engine.kernels.record import KernelRecord, record_kernel, record_kernels

__all__ = ["TORCH_KERNELS", "KernelRecord", "record_kernel", "record_kernels", "run_kernel"]

TORCH_KERNELS: dict[ConcreteKernel, Callable[..., Tensor]] = {
    "eager": torch_kernels.eager,
    "sdpa": torch_kernels.sdpa,
    "packed": torch_kernels.packed,
    "matmul": torch_kernels.matmul,
    "flash": torch_kernels.flash,
}


def run_kernel(
    name: ConcreteKernel, q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None
) -> Tensor:
    """Output (b, h, t, v) of the kernel of this name over plain tensors.

    Raises:
        ValueError: the kernel does not support the dtype, the device or the widths.
    """
    if name in CUDA_KERNELS:
        validate_cuda_kernel(name, k.dtype, k.device, d=k.shape[3], v=v.shape[3])
    if name == SPLIT_KV:
        validate_split_kv(k.dtype, k.device)
        from gqa_core.engine.split_kv.attention import split_kv  # numba takes a while to import

        o = split_kv(q, k, v, scale=scale, mask=mask)
    elif name == TRITON:
        from gqa_core.engine.triton_split_kv.attention import triton_split_kv  # where installed

        o = triton_split_kv(q, k, v, scale=scale, mask=mask)
    else:
        o = TORCH_KERNELS[name](q, k, v, scale=scale, mask=mask)
    record_kernel(name)
    return o
