"""One point, really run: weights and cache allocated, the step timed by phase and whole.

The cache holds exactly context_len slots, filled with seeded normal values; every pass forgets the
last token and writes it again, so that a step can be repeated. Passes by phase and whole passes
take turns, each after a pass of the bandwidth probe: a noisy moment falls on all of them, and each
finds the processor's caches as a large model leaves them, full of other things. Between them the
matmul probe, and a pass of the same layers over one token each: what launching alone costs.

Memory is told from a baseline taken when weights, thread pools and the probes are in place and the
cache is not: what rises above it is the cache and what the kernel needs beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch

from gqa_core.configs import LatentConfig
from gqa_core.engine.build import build_layer
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.layer import (
    PHASES,
    AttentionLayer,
    Cache,
    PhaseHook,
    decode_step,
    no_phase_hook,
)
from gqa_core.measure.device import describe, find_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.probe import matmul_probe, product_flops, product_width, read_probe
from gqa_core.measure.timing import Clock, time_phases, time_whole
from gqa_core.records.specs.decode import PROBE_BYTES, DecodeSpec
from gqa_core.theory.prediction import Probes

N_WARMUP = 3
SEED = 20231


@torch.inference_mode()
def measure_decode(point: DecodeSpec, device_asked: str = "auto") -> dict[str, object]:
    """The measured part of a record: what ran, on what, raw samples in seconds, memory in bytes.

    Raises:
        ValueError: `device_asked` is not a device's name.
        RuntimeError: torch could not allocate or run it.
    """
    device = find_device(device_asked)
    clock = Clock.of(device)
    generator = torch.Generator(device).manual_seed(SEED)
    layers = build_layers(point, device)
    b, s = point.workload.batch_size, point.workload.context_len
    x = torch.randn(b, 1, point.attention.dim, generator=generator, **layers[0].factory_kwargs)
    read = read_probe(device, clock)
    multiply, flops = _matmul_probe(point, device, clock)
    kernel = layers[0].plan(s).decode  # the short cache is attended by the kernel of the long one
    launch = partial(_again, layers, [layer.new_cache(b, 1, kernel) for layer in layers], x)
    for start in (launch, read, multiply):  # threads and libraries are of the baseline too
        start()
    meter = MemoryMeter(device)
    caches = [layer.new_cache(b, s) for layer in layers]
    for cache in caches:
        cache.fill_random(generator)
    step = partial(_again, layers, caches, x)
    with record_kernels() as kernels:
        phases, probed = _take_samples(step, launch, read, multiply, clock, point.n_samples)
    memory = {
        "formula_bytes": point.formula_bytes,
        "tensor_bytes": sum(cache.tensor_bytes for cache in caches),
        "padding_bytes": sum(cache.padding_bytes for cache in caches),
        **meter.read(),
    }
    middle = {name: statistics.median(seconds) for name, seconds in probed.items()}
    probes = Probes(
        read_bandwidth_bytes_per_s=PROBE_BYTES / middle["read"],
        matmul_flops_per_s=flops / middle["multiply"],
        attend_overhead_s=middle["launch"],
    )
    return {
        "torch_version": torch.__version__,
        "device": describe(device),
        "kernel_ran": point.kernel if isinstance(point.attention, LatentConfig) else kernels.last,
        "attend_kernel": kernels.last,
        "n_warmup": N_WARMUP,
        "samples_s": phases,
        "memory": memory,
        **asdict(probes),
        "bound_s": probes.bound_s(point.formula_bytes, point.flops),
        "peak_was_reset": meter.was_reset,
    }


def build_layers(point: DecodeSpec, device: torch.device) -> list[AttentionLayer]:
    """The point's layers with seeded random weights, on this device."""
    torch.manual_seed(SEED)
    dtype = getattr(torch, point.dtype)
    return [
        build_layer(point.attention, point.kernel, dtype=dtype, device=device)
        for _ in range(point.n_layers)
    ]


def _matmul_probe(
    point: DecodeSpec, device: torch.device, clock: Clock
) -> tuple[Callable[[], object], int]:
    """The product that probes this point's number format, and its FLOP."""
    new_product = partial(matmul_probe, device=device, dtype=getattr(torch, point.dtype))
    width = product_width(new_product, clock)
    return new_product(width), product_flops(width)


def _again(
    layers: list[AttentionLayer],
    caches: list[Cache],
    x: torch.Tensor,
    on_phase_end: PhaseHook = no_phase_hook,
) -> None:
    """A step that writes the caches' last token, forgotten first if they are full."""
    for cache in caches:
        cache.rewind(min(cache.length, cache.capacity - 1))
    decode_step(layers, caches, x, on_phase_end)


def _take_samples(
    step: Callable[..., object],
    launch: Callable[..., object],
    read: Callable[[], object],
    multiply: Callable[[], object],
    clock: Clock,
    n_samples: int,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of the step, by phase and whole, and of the probes; `launch` is a step over nothing.

    Of `launch` the attend phase alone is kept.
    """
    for _ in range(N_WARMUP):
        step()
        read()
    samples: dict[str, list[float]] = {phase: [] for phase in (*PHASES, "step")}
    probed: dict[str, list[float]] = {"read": [], "multiply": [], "launch": []}
    for _ in range(n_samples):
        probed["multiply"].append(time_whole(multiply, clock))
        probed["launch"].append(time_phases(launch, clock)["attend"])
        probed["read"].append(time_whole(read, clock))
        for phase, seconds in time_phases(step, clock).items():
            samples[phase].append(seconds)
        probed["read"].append(time_whole(read, clock))
        samples["step"].append(time_whole(step, clock))
    return samples, probed
