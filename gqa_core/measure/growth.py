"""Measures a cache that grows token by token under one policy, with nothing else in the process.

Each append writes one token's K and V in every layer. Baseline and peak are taken around the caches
alone, so that the peak shows what a policy allocates while it copies. Memory of a CPU counts when
it is first written, so clearing fresh pages is part of an append's time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from gqa_core.engine.growing import ConcatenatedCache, PagedCache
from gqa_core.engine.kernels.plan import plan_kernels
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.layer import FactoryKwargs
from gqa_core.measure.decode import SEED
from gqa_core.measure.device import describe, use_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.timing import Clock, one_thread, time_whole
from gqa_core.records.kinds.growth import AppendSamples, AppendTotals, GrowthMeasurement
from gqa_core.records.memory import Memory
from gqa_core.records.specs.growth import GrowthSpec

__all__ = ["measure_growth", "new_caches"]

N_WARMUP = 16

GrowingCache = KVCache | ConcatenatedCache | PagedCache


@dataclass(slots=True)
class _Growth:
    """Seconds at each length, and the bytes allocated after each append."""

    samples: list[tuple[float, ...]] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    allocated_bytes: list[int] = field(default_factory=list)


@torch.inference_mode()
@one_thread()
def measure_growth(spec: GrowthSpec, device_name: str = "auto") -> GrowthMeasurement:
    """Seconds of appends, bytes allocated at each length, and the most bytes without a token.

    Raises:
        ValueError: no device has this name.
        RuntimeError: torch could not allocate it.
    """
    device = use_device(device_name)
    factory_kwargs: FactoryKwargs = {"dtype": getattr(torch, spec.dtype), "device": device}
    torch.manual_seed(SEED)
    layer, clock = spec.attention, Clock.for_device(device)
    k = torch.randn(1, layer.n_kv_heads, 1, layer.head_dim, **factory_kwargs)
    v = torch.randn(1, layer.n_kv_heads, 1, layer.v_head_dim, **factory_kwargs)
    kernel = plan_kernels(layer, capacity=spec.n_tokens, **factory_kwargs).decode
    _grow(new_caches(spec, N_WARMUP, kernel, factory_kwargs), k, v, (N_WARMUP,), 1, clock)
    meter = MemoryMeter(device)
    caches = new_caches(spec, spec.n_tokens, kernel, factory_kwargs)
    growth = _grow(caches, k, v, spec.context_lens, spec.n_samples, clock)
    peaks, allocated = meter.read(), growth.allocated_bytes
    padding = sum(cache.padding_bytes for cache in caches if isinstance(cache, KVCache))
    return GrowthMeasurement(
        torch_version=str(torch.__version__),
        device=describe(device),
        n_warmup=N_WARMUP,
        samples_s=AppendSamples(append=tuple(growth.samples)),
        totals_s=AppendTotals(append=tuple(growth.totals)),
        allocated_bytes=tuple(allocated[n - 1] for n in spec.context_lens),
        worst_waste_bytes=max(
            n_bytes - spec.cache_bytes(n) for n, n_bytes in enumerate(allocated, start=1)
        ),
        memory=Memory.from_peaks(spec.formula_bytes, allocated[-1], padding, peaks),
        peak_was_reset=meter.peak_was_reset,
    )


def new_caches(
    spec: GrowthSpec, n_tokens: int, kernel: str, factory_kwargs: FactoryKwargs
) -> list[GrowingCache]:
    """One empty cache per layer for the growth policy.

    `preallocate` reserves `n_tokens` slots in the layout of `kernel`.
    """
    if spec.policy == "concatenate":
        return [ConcatenatedCache() for _ in range(spec.n_layers)]
    if spec.policy == "paged":
        return [PagedCache(spec.block_len) for _ in range(spec.n_layers)]
    return [
        KVCache(spec.attention, batch_size=1, capacity=n_tokens, kernel=kernel, **factory_kwargs)
        for _ in range(spec.n_layers)
    ]


def _grow(
    caches: Sequence[GrowingCache],
    k: torch.Tensor,
    v: torch.Tensor,
    context_lens: tuple[int, ...],
    n_samples: int,
    clock: Clock,
) -> _Growth:
    """Append token after token; the samples of a length are the appends that lead up to it."""

    def append() -> None:
        for cache in caches:
            cache.append(k, v)

    growth, total = _Growth(), 0.0
    recent: deque[float] = deque(maxlen=n_samples)
    for n in range(1, context_lens[-1] + 1):
        seconds = time_whole(append, clock)
        total += seconds
        recent.append(seconds)
        growth.allocated_bytes.append(sum(cache.tensor_bytes for cache in caches))
        if n in context_lens:
            growth.samples.append(tuple(recent))
            growth.totals.append(total)
    return growth
