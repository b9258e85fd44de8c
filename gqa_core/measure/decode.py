"""Measures one decode step: weights and cache allocated, the step timed by phase and whole.

The cache has exactly context_len slots, filled with seeded normal values; every pass rewrites the
last token, so that a step can be repeated. Passes by phase and whole passes alternate, each after a
pass of the bandwidth probe: a noisy moment falls on all of them, and each finds the processor's
caches as a large model leaves them, full of other data. Between them run the matmul probe and a
pass of the same layers over one token each, which shows what launching kernels alone costs.

The memory baseline is taken when weights, thread pools and probes exist and the cache does not:
what rises above it is the cache and what the kernel needs besides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from gqa_core.configs import ConcreteKernel
from gqa_core.engine.build import build_layer
from gqa_core.engine.kernels.dispatch import KernelRecord, record_kernels
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
from gqa_core.records.kinds.decode import DecodeMeasurement, DecodeSamples
from gqa_core.records.memory import Memory
from gqa_core.records.specs.decode import PROBE_BYTES, DecodeSpec
from gqa_core.theory.prediction import Probes

__all__ = ["SEED", "build_layers", "last_kernel", "measure_decode"]

N_WARMUP = 3
SEED = 20231


@dataclass(slots=True)
class _Samples:
    """Seconds of every repeat: of the step by phase and whole, and of the probes."""

    step: dict[str, list[float]] = field(
        default_factory=lambda: {phase: [] for phase in (*PHASES, "step")}
    )
    read: list[float] = field(default_factory=list)
    multiply: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)

    def to_struct(self) -> DecodeSamples:
        """The samples as a record has them."""
        return DecodeSamples(**{phase: tuple(seconds) for phase, seconds in self.step.items()})


@torch.inference_mode()
def measure_decode(spec: DecodeSpec, device_name: str = "auto") -> DecodeMeasurement:
    """The kernel and device that ran, raw samples in seconds, and memory in bytes.

    Raises:
        ValueError: no device has this name.
        RuntimeError: torch could not allocate or run it.
    """
    device = find_device(device_name)
    clock = Clock.for_device(device)
    generator = torch.Generator(device).manual_seed(SEED)
    layers = build_layers(spec, device)
    b, s = spec.workload.batch_size, spec.workload.context_len
    x = torch.randn(b, 1, spec.attention.dim, generator=generator, **layers[0].factory_kwargs)
    read = read_probe(device, clock)
    multiply, flops = _matmul_probe(spec, device, clock)
    kernel = layers[0].plan(s).decode  # the short cache is attended by the kernel of the long one
    short_caches = [layer.new_cache(b, 1, kernel) for layer in layers]
    overhead_step = partial(_repeat_step, layers, short_caches, x)
    for start in (overhead_step, read, multiply):  # threads and libraries belong to the baseline
        start()
    meter = MemoryMeter(device)
    caches = [layer.new_cache(b, s) for layer in layers]
    for cache in caches:
        cache.fill_random(generator)
    step = partial(_repeat_step, layers, caches, x)
    with record_kernels() as kernels:
        samples = _take_samples(step, overhead_step, read, multiply, clock, spec.n_samples)
    peaks = meter.read()
    probes = Probes(
        read_bandwidth_bytes_per_s=PROBE_BYTES / statistics.median(samples.read),
        matmul_flops_per_s=flops / statistics.median(samples.multiply),
        attend_overhead_s=statistics.median(samples.overhead),
    )
    attend_kernel = last_kernel(kernels)
    return DecodeMeasurement(
        torch_version=str(torch.__version__),
        device=describe(device),
        kernel_ran=spec.latent_form or attend_kernel,
        attend_kernel=attend_kernel,
        n_warmup=N_WARMUP,
        samples_s=samples.to_struct(),
        memory=Memory.from_peaks(
            spec.formula_bytes,
            sum(cache.tensor_bytes for cache in caches),
            sum(cache.padding_bytes for cache in caches),
            peaks,
        ),
        probes=probes,
        bound_s=probes.bound_s(spec.formula_bytes, spec.flops),
        peak_was_reset=meter.peak_was_reset,
    )


def build_layers(spec: DecodeSpec, device: torch.device) -> list[AttentionLayer[Any, Any]]:
    """The spec's layers with seeded random weights, on this device."""
    torch.manual_seed(SEED)
    dtype = getattr(torch, spec.dtype)
    return [
        build_layer(spec.attention, spec.kernel, dtype=dtype, device=device)
        for _ in range(spec.n_layers)
    ]


def last_kernel(kernels: KernelRecord) -> ConcreteKernel:
    """The kernel that ran last."""
    assert kernels.last is not None, "every step attends"
    return kernels.last


def _matmul_probe(
    spec: DecodeSpec, device: torch.device, clock: Clock
) -> tuple[Callable[[], object], int]:
    """The product that probes this spec's number format, and its FLOP."""
    new_product = partial(matmul_probe, device=device, dtype=getattr(torch, spec.dtype))
    width = product_width(new_product, clock)
    return new_product(width), product_flops(width)


def _repeat_step(
    layers: Sequence[AttentionLayer[Any, Any]],
    caches: Sequence[Cache],
    x: torch.Tensor,
    on_phase_end: PhaseHook = no_phase_hook,
) -> None:
    """A step that writes the caches' last token; of full caches that token is dropped first."""
    for cache in caches:
        cache.rewind(min(cache.length, cache.capacity - 1))
    decode_step(layers, caches, x, on_phase_end)


def _take_samples(
    step: Callable[..., object],
    overhead_step: Callable[..., object],
    read: Callable[[], object],
    multiply: Callable[[], object],
    clock: Clock,
    n_samples: int,
) -> _Samples:
    """Seconds of the step, by phase and whole, and of the probes.

    `overhead_step` attends over one token; only its attend phase is kept.
    """
    for _ in range(N_WARMUP):
        step()
        read()
    samples = _Samples()
    for _ in range(n_samples):
        samples.multiply.append(time_whole(multiply, clock))
        samples.overhead.append(time_phases(overhead_step, clock)["attend"])
        samples.read.append(time_whole(read, clock))
        for phase, seconds in time_phases(step, clock).items():
            samples.step[phase].append(seconds)
        samples.read.append(time_whole(read, clock))
        samples.step["step"].append(time_whole(step, clock))
    return samples
