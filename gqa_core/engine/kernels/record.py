"""A record of the kernels that ran, and of the SDPA backend that torch took for them.

A measurement records what attended, never what should have: kernels are recorded where they run,
and torch is asked which backend serves a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend

from gqa_core.configs import ConcreteKernel, SdpaBackend

__all__ = ["KernelRecord", "record_kernel", "record_kernels", "record_sdpa_backend"]

DEVICES_THAT_CHOOSE = ("cpu", "cuda", "xpu")  # elsewhere SDPA has one way, and nothing to ask


@dataclass(slots=True)
class KernelRecord:
    """The kernels that ran: the names of all, and of the last.

    `sdpa_backends` has, per kernel that calls SDPA, the backend of its first call.
    """

    names: set[ConcreteKernel] = field(default_factory=set)
    last: ConcreteKernel | None = None
    sdpa_backends: dict[ConcreteKernel, SdpaBackend] = field(default_factory=dict)

    @property
    def last_sdpa_backend(self) -> SdpaBackend | None:
        """The SDPA backend of the last kernel; None if it is not SDPA's, or torch has no choice."""
        return None if self.last is None else self.sdpa_backends.get(self.last)


_record: ContextVar[KernelRecord | None] = ContextVar("kernel_record", default=None)


def record_kernel(name: ConcreteKernel) -> None:
    """Note that the kernel of this name ran, if anybody records."""
    record = _record.get()
    if record is not None:
        record.names.add(name)
        record.last = name


def record_sdpa_backend(
    name: ConcreteKernel,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None,
    scale: float,
    enable_gqa: bool,
) -> None:
    """Ask torch which backend SDPA takes for this call, if anybody records.

    A kernel is asked for once per record, since asking takes time: the first call, with which a
    measurement warms up, speaks for those after it.
    """
    record = _record.get()
    if record is None or name in record.sdpa_backends or q.device.type not in DEVICES_THAT_CHOOSE:
        return
    # The function by which scaled_dot_product_attention itself chooses; torch has no public one.
    choice = torch._fused_sdp_choice(q, k, v, mask, 0.0, False, scale=scale, enable_gqa=enable_gqa)
    record.sdpa_backends[name] = cast(SdpaBackend, SDPBackend(choice).name.lower())


@contextmanager
def record_kernels() -> Iterator[KernelRecord]:
    """Record the kernels that run inside, called from this thread."""
    record = KernelRecord()
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)
