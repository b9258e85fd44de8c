"""The grouped attention kernels, one file each, chosen by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gqa_core.configs import require_kernel
from gqa_core.engine.kernels.auto import choose
from gqa_core.engine.kernels.eager import eager
from gqa_core.engine.kernels.matmul import matmul
from gqa_core.engine.kernels.packed import packed
from gqa_core.engine.kernels.sdpa import sdpa

KERNELS: dict[str, Callable[..., Tensor]] = {
    "eager": eager,
    "sdpa": sdpa,
    "packed": packed,
    "matmul": matmul,
}


def resolve(kernel: str, q: Tensor, v: Tensor) -> str:
    """The name of the kernel that runs when `kernel` is asked for: itself, or auto's choice.

    Raises:
        ValueError: no kernel has that name.
    """
    require_kernel(kernel)
    return choose(q, v) if kernel == "auto" else kernel
