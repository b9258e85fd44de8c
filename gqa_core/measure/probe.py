"""Measures how fast this device reads memory and multiplies: the roofline's two limits.

Both are probed in the process and run of the point that they bound, and each is the best of several
calls, since a bound holds only if its probe reaches what the device can do. Reading is a sum over a
buffer of PROBE_BYTES, a dot product of its halves or, on a CPU, our own reader. The buffer is
larger than the caches of most processors; on one whose last cache could hold it, the figure is that
cache's. Several streams at once can keep more of a memory busy than one: on 2 cores of a Xeon the
dot product reads 30 GB/s, the sum 23. Multiplying is a plain product of two square matrices in the
point's number format, just wide enough to keep the device busy for PRODUCT_S (some devices are slow
at some formats), or on a CPU the multiply-adds of our own kernel and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import torch

from gqa_core.engine.kernels.plan import SPLIT_KV_DTYPES
from gqa_core.engine.storage import huge_page_empty
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.specs.decode import MAX_PRODUCT_WIDTH, PROBE_BYTES

__all__ = [
    "arithmetic_probes",
    "fastest",
    "matmul_probe",
    "probe_buffer",
    "product_flops",
    "product_width",
    "read_probe",
    "read_probes",
]

T = TypeVar("T")
ReadProbe: TypeAlias = Callable[[], object]
ArithmeticProbe: TypeAlias = tuple[Callable[[], object], int]  # a call and its FLOP

FIRST_WIDTH = 256
PRODUCT_S = 1e-3
N_TRIES = 5


def probe_buffer(device: torch.device) -> torch.Tensor:
    """PROBE_BYTES of float32 ones."""
    return huge_page_empty((PROBE_BYTES // 4,), dtype=torch.float32, device=device).fill_(1)


def read_probes(buffer: torch.Tensor) -> list[ReadProbe]:
    """Calls that each read a flat float32 tensor once and do next to nothing else."""
    calls: list[ReadProbe] = [buffer.sum, partial(torch.dot, *buffer.view(2, -1))]
    if buffer.device.type == "cpu":
        from gqa_core.engine.split_kv.probes import reader  # numba takes a while to import

        calls.append(reader(buffer))
    return calls


def arithmetic_probes(dtype: torch.dtype, device: torch.device) -> list[ArithmeticProbe]:
    """Calls that multiply numbers of this dtype and do next to nothing else, and their FLOP."""
    new_product = partial(matmul_probe, device=device, dtype=dtype)
    width = product_width(new_product, Clock.for_device(device))
    probes: list[ArithmeticProbe] = [(new_product(width), product_flops(width))]
    if device.type == "cpu" and dtype in SPLIT_KV_DTYPES:
        from gqa_core.engine.split_kv.probes import fma_probes

        probes += fma_probes(dtype)
    return probes


def read_probe(device: torch.device, clock: Clock) -> ReadProbe:
    """The fastest call that reads PROBE_BYTES of memory once and does next to nothing else."""
    return fastest(read_probes(probe_buffer(device)), clock)


def fastest(calls: Sequence[Callable[[], T]], clock: Clock) -> Callable[[], T]:
    """The call whose best of N_TRIES took the least time; the calls take turns."""
    rounds = [[time_whole(call, clock) for call in calls] for _ in range(N_TRIES)]
    best = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return calls[best.index(min(best))]


def matmul_probe(
    width: int, device: torch.device, dtype: torch.dtype
) -> Callable[[], torch.Tensor]:
    """A call that multiplies two matrices of this width: product_flops(width) and little else."""
    a, b, c = (torch.ones(width, width, dtype=dtype, device=device) for _ in range(3))
    return lambda: torch.mm(a, b, out=c)


def product_flops(width: int) -> int:
    """FLOP of a product of two square matrices of this width, a multiply-add counting as two."""
    return 2 * width**3


def product_width(new_product: Callable[[int], Callable[[], object]], clock: Clock) -> int:
    """The width, doubled until its product takes PRODUCT_S or it is the widest allowed."""
    width = FIRST_WIDTH
    while width < MAX_PRODUCT_WIDTH:
        product = new_product(width)
        product()
        if min(time_whole(product, clock) for _ in range(N_TRIES)) >= PRODUCT_S:
            break
        width *= 2
    return width
