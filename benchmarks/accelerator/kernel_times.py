"""Attention alone, by every kernel that serves a cache: what a table of `auto` would be made of."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.accelerator.rates import best
from benchmarks.accelerator.session import GROUPED, Session, first_line
from gqa_core.configs import KERNEL_NAMES
from gqa_core.engine import KVCache, LatentCache
from gqa_core.measure.device import use_device
from gqa_core.measure.step_timer import DeviceTimers

WORKLOADS = ((8192, 1), (8192, 16), (65536, 1))  # (context, batch)
QUICK_WORKLOADS = ((64, 1),)
N_SAMPLES = 15

Attend = Callable[[], object]


@torch.inference_mode()
def time_kernels(session: Session, report: Callable[[str], None]) -> None:
    """Report the best time of each kernel per variant and workload, and those that do not serve it.

    Raises:
        RuntimeError: no kernel could be timed.
    """
    device = use_device(session.device)
    timers, n_timed = DeviceTimers(device), 0
    for s, b in QUICK_WORKLOADS if session.quick else WORKLOADS:
        for name, new_attend in attends(session, s, b, device):
            times = []
            for kernel in KERNEL_NAMES:
                try:
                    timer = timers.for_call(new_attend(kernel))
                    seconds = best(timer.time_whole, 2 if session.quick else N_SAMPLES)
                    times.append(f"{kernel} {1e6 * seconds:.1f}")
                    n_timed += 1
                except ValueError:  # it cannot serve such a cache, as `correctness` tells
                    times.append(f"{kernel} -")
                except Exception as error:  # noqa: BLE001 - the other kernels go on
                    times.append(f"{kernel} FAILED: {first_line(error)[:100]}")
                gc.collect()  # the cache, before the next one is allocated
            report(f"{name:<13}{s:>6} x {b:<3} us: {', '.join(times)}")
    if not n_timed:
        raise RuntimeError("kernels must be timed: got no time")


def attends(
    session: Session, s: int, b: int, device: torch.device
) -> Iterator[tuple[str, Callable[[str], Attend]]]:
    """The name of each variant, and a function from a kernel's name to a call that attends."""
    dtype = torch.float32 if session.quick else torch.bfloat16
    for name, n_kv_heads in GROUPED:
        yield name, partial(grouped_attend, session, n_kv_heads, s, b, dtype, device)
    yield "MLA absorbed", partial(latent_attend, session, s, b, dtype, device)


def grouped_attend(
    session: Session,
    n_kv_heads: int,
    s: int,
    b: int,
    dtype: torch.dtype,
    device: torch.device,
    kernel: str,
) -> Attend:
    """A call that attends over a full cache of grouped attention by this kernel."""
    layer = session.layer(n_kv_heads)
    cache = KVCache(layer, batch_size=b, capacity=s, dtype=dtype, device=device, kernel=kernel)
    cache.fill_random()
    q = torch.randn(b, layer.n_heads, 1, layer.head_dim, dtype=dtype, device=device)
    return partial(cache.attend, q)


def latent_attend(
    session: Session, s: int, b: int, dtype: torch.dtype, device: torch.device, kernel: str
) -> Attend:
    """A call that attends over a full cache of absorbed MLA by this kernel."""
    layer = session.latent_layer
    cache = LatentCache(layer, batch_size=b, capacity=s, dtype=dtype, device=device, kernel=kernel)
    cache.fill_random()
    c, r = layer.kv_lora_rank, layer.qk_rope_head_dim
    q, q_rope = (torch.randn(b, layer.n_heads, 1, n, dtype=dtype, device=device) for n in (c, r))
    return partial(cache.attend, q, q_rope, scale=layer.qk_head_dim**-0.5)
