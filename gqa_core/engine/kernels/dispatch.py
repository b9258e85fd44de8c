"""Running a kernel by its name, and recording the name of each kernel that ran.

A measurement records the kernel that attended, never the one that should have: everything that
attends goes through `run_kernel` or calls `record_kernel` itself, and `record_kernels` collects the
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from torch import Tensor

from gqa_core.configs import ConcreteKernel
from gqa_core.engine.kernels import torch_kernels
from gqa_core.engine.kernels.plan import SPLIT_KV, validate_split_kv

__all__ = ["TORCH_KERNELS", "KernelRecord", "record_kernel", "record_kernels", "run_kernel"]

TORCH_KERNELS: dict[ConcreteKernel, Callable[..., Tensor]] = {
    "eager": torch_kernels.eager,
    "sdpa": torch_kernels.sdpa,
    "packed": torch_kernels.packed,
    "matmul": torch_kernels.matmul,
}


@dataclass(slots=True)
class KernelRecord:
    """The kernels that ran: the names of all, and of the last."""

    names: set[ConcreteKernel] = field(default_factory=set)
    last: ConcreteKernel | None = None


_record: ContextVar[KernelRecord | None] = ContextVar("kernel_record", default=None)


def run_kernel(
    name: ConcreteKernel, q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None
) -> Tensor:
    """Output (b, h, t, v) of the kernel of this name over plain tensors.

    Raises:
        ValueError: `split_kv` does not support the dtype or the device.
    """
    if name == SPLIT_KV:
        validate_split_kv(k.dtype, k.device)
        from gqa_core.engine.split_kv.attention import split_kv  # numba takes a while to import

        o = split_kv(q, k, v, scale=scale, mask=mask)
    else:
        o = TORCH_KERNELS[name](q, k, v, scale=scale, mask=mask)
    record_kernel(name)
    return o


def record_kernel(name: ConcreteKernel) -> None:
    """Note that the kernel of this name ran, if anybody records."""
    record = _record.get()
    if record is not None:
        record.names.add(name)
        record.last = name


@contextmanager
def record_kernels() -> Iterator[KernelRecord]:
    """Record the kernels that run inside, called from this thread."""
    record = KernelRecord()
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)
