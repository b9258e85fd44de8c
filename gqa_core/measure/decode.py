"""One point, really run: weights and cache allocated, the step timed by phase and whole.

The cache holds exactly context_len slots, filled with seeded normal values; every pass forgets the
last token and writes it again, so that a step can be repeated. Passes by phase and whole passes
take turns, each after a pass of the bandwidth probe: a noisy moment falls on all of them, and each
finds the processor's caches as a large model leaves them, full of other things.

Memory is told from a baseline taken when weights, thread pools and the probe are in place and the
cache is not: what rises above it is the cache and what the kernel needs beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kernels import resolve
from gqa_core.engine.latent import LATENT_FORMS
from gqa_core.engine.layer import PHASES, AttentionLayer, Cache, Lap, decode_step, no_lap
from gqa_core.measure.device import describe, find_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.point import PROBE_BYTES, DecodePoint
from gqa_core.measure.probe import read_probe
from gqa_core.measure.timing import Clock, time_phases, time_whole

N_WARMUP = 3
SEED = 20231


@torch.inference_mode()
def measure_decode(point: DecodePoint, device_asked: str = "auto") -> dict[str, object]:
    """The measured part of a record: what ran, on what, raw samples in seconds, memory in bytes.

    Raises:
        ValueError: `device_asked` is not a device's name.
        RuntimeError: torch could not allocate or run it.
    """
    device = find_device(device_asked)
    clock = Clock.of(device)
    generator = torch.Generator(device).manual_seed(SEED)
    layers = build_layers(point, device)
    x = torch.randn(
        point.workload.batch_size,
        1,
        point.attention.dim,
        generator=generator,
        **layers[0].like,
    )
    probe = read_probe(device)
    _warm_up(layers, x, probe)
    meter = MemoryMeter(device)
    caches = [
        layer.new_cache(point.workload.batch_size, point.workload.context_len) for layer in layers
    ]
    for cache in caches:
        cache.fill_random(generator)
    samples, probe_s = _take_samples(layers, caches, x, probe, clock, point.n_samples)
    bandwidth = PROBE_BYTES / statistics.median(probe_s)
    return {
        "torch_version": torch.__version__,
        "device": describe(device),
        "kernel_ran": _kernel_ran(point, layers[0], caches[0]),
        "n_warmup": N_WARMUP,
        "samples_s": samples,
        "memory": {
            "formula_bytes": point.formula_bytes,
            "tensor_bytes": sum(cache.tensor_bytes for cache in caches),
            **meter.read(),
        },
        "read_bandwidth_bytes_per_s": bandwidth,
        "bound_s": point.formula_bytes / bandwidth,
        "peak_was_reset": meter.was_reset,
    }


def build_layers(point: DecodePoint, device: torch.device) -> list[AttentionLayer]:
    """The point's layers with seeded random weights, on this device."""
    torch.manual_seed(SEED)
    like = {"dtype": getattr(torch, point.dtype), "device": device}
    if point.kernel in LATENT_FORMS:
        kind = LATENT_FORMS[point.kernel]
        return [kind(point.attention, **like) for _ in range(point.n_layers)]
    return [
        GroupedAttention(point.attention, kernel=point.kernel, **like)
        for _ in range(point.n_layers)
    ]


def _warm_up(layers: list[AttentionLayer], x: torch.Tensor, probe: Callable) -> None:
    """Start threads and libraries on a cache of one slot, so that the baseline includes them."""
    decode_step(layers, [layer.new_cache(x.shape[0], 1) for layer in layers], x)
    probe()


def _take_samples(
    layers: list[AttentionLayer],
    caches: list[Cache],
    x: torch.Tensor,
    probe: Callable[[], object],
    clock: Clock,
    n_samples: int,
) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds by phase and whole, one list each, and the seconds of the probe."""

    def step(lap: Lap = no_lap) -> None:
        for cache in caches:
            cache.rewind(cache.capacity - 1)
        decode_step(layers, caches, x, lap)

    for _ in range(N_WARMUP):
        step()
        probe()
    samples: dict[str, list[float]] = {phase: [] for phase in (*PHASES, "step")}
    probe_s = []
    for _ in range(n_samples):
        probe_s.append(time_whole(probe, clock))
        for phase, seconds in time_phases(step, clock).items():
            samples[phase].append(seconds)
        probe_s.append(time_whole(probe, clock))
        samples["step"].append(time_whole(step, clock))
    return samples, probe_s


def _kernel_ran(point: DecodePoint, layer: AttentionLayer, cache: Cache) -> str:
    if point.kernel in LATENT_FORMS:
        return point.kernel
    config = point.attention
    q = torch.empty(1, config.n_heads, 1, config.head_dim, **layer.like)
    return resolve(point.kernel, q, cache.values)
