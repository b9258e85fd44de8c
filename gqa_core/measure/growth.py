"""A cache that grows token by token, under one policy, nothing else in the process.

Each append writes one token's K and V in every layer. Baseline and peak are taken around the
caches alone, so that the peak shows what a policy holds while it copies. Memory of a CPU counts
when it is first written, so the clearing of fresh pages is part of an append's time.
"""

from __future__ import annotations

from collections import deque

import torch

from gqa_core.engine.growing import ConcatenatedCache, PagedCache
from gqa_core.engine.kernels.plan import plan_kernels
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.layer import FactoryKwargs
from gqa_core.measure.decode import SEED
from gqa_core.measure.device import describe, find_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.timing import Clock, one_thread, time_whole
from gqa_core.records.specs.growth import GrowthSpec

N_WARMUP = 16

Growing = KVCache | ConcatenatedCache | PagedCache


@torch.inference_mode()
@one_thread()
def measure_growth(point: GrowthSpec, device_asked: str = "auto") -> dict[str, object]:
    """The measured part of a record: seconds of appends, bytes held, and the worst rounding waste.

    Raises:
        ValueError: `device_asked` is not a device's name.
        RuntimeError: torch could not allocate it.
    """
    device = find_device(device_asked)
    factory_kwargs: FactoryKwargs = {"dtype": getattr(torch, point.dtype), "device": device}
    torch.manual_seed(SEED)
    heads, widths = (
        point.attention.n_kv_heads,
        (point.attention.head_dim, point.attention.v_head_dim),
    )
    k, v = (torch.randn(1, heads, 1, width, **factory_kwargs) for width in widths)
    clock = Clock.of(device)
    kernel = plan_kernels(point.attention, capacity=point.n_tokens, **factory_kwargs).decode
    _grow(new_caches(point, N_WARMUP, kernel, factory_kwargs), k, v, (N_WARMUP,), 1, clock)
    meter = MemoryMeter(device)
    caches = new_caches(point, point.n_tokens, kernel, factory_kwargs)
    answer = _grow(caches, k, v, point.context_lens, point.n_samples, clock)
    held = answer["held_bytes"]
    used = [point.cache_bytes(n) for n in range(1, point.n_tokens + 1)]
    return {
        "torch_version": torch.__version__,
        "device": describe(device),
        "n_warmup": N_WARMUP,
        "samples_s": answer["samples_s"],
        "totals_s": answer["totals_s"],
        "held_bytes": [held[n - 1] for n in point.context_lens],
        "worst_waste_bytes": max(a - b for a, b in zip(held, used, strict=True)),
        "memory": {
            "formula_bytes": point.formula_bytes,
            "tensor_bytes": held[-1],
            **meter.read(),
        },
        "peak_was_reset": meter.was_reset,
    }


def new_caches(
    point: GrowthSpec, n_tokens: int, kernel: str, factory_kwargs: FactoryKwargs
) -> list[Growing]:
    """One empty cache a layer, of the point's policy; `n_tokens` slots where all are taken.

    Those are laid out for `kernel`.
    """
    if point.policy == "concatenate":
        return [ConcatenatedCache() for _ in range(point.n_layers)]
    if point.policy == "paged":
        return [PagedCache(point.block_len) for _ in range(point.n_layers)]
    return [
        KVCache(point.attention, batch_size=1, capacity=n_tokens, kernel=kernel, **factory_kwargs)
        for _ in range(point.n_layers)
    ]


def _grow(
    caches: list[Growing],
    k: torch.Tensor,
    v: torch.Tensor,
    context_lens: tuple[int, ...],
    n_samples: int,
    clock: Clock,
) -> dict[str, object]:
    """Append token after token; the samples of a length are the appends that lead up to it."""

    def append() -> None:
        for cache in caches:
            cache.append(k, v)

    spent, recent, held = 0.0, deque(maxlen=n_samples), []
    samples, totals = [], []
    for n in range(1, context_lens[-1] + 1):
        seconds = time_whole(append, clock)
        spent += seconds
        recent.append(seconds)
        held.append(sum(cache.tensor_bytes for cache in caches))
        if n in context_lens:
            samples.append(list(recent))
            totals.append(spent)
    return {
        "samples_s": {"append": samples},
        "totals_s": {"append": totals},
        "held_bytes": held,
    }
