"""Measures decode steps: weights and caches allocated, each step timed by phase and whole.

The steps of one context are measured together and take turns, so that other work on the machine
falls on all of them alike (`sampling`). Each cache has exactly context_len slots, filled with
seeded normal values; every pass rewrites the last token, so that a step can be repeated. A pass of
the same layers over one token each shows what launching kernels alone costs.

The peak of each step is taken first, one after the other. Its baseline is taken when weights,
thread pools and probes exist and its cache does not: what rises above it is the cache and what the
kernel needs besides.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from gqa_core.configs import ConcreteKernel
from gqa_core.engine.build import build_layer
from gqa_core.engine.kernels.dispatch import KernelRecord, record_kernels
from gqa_core.engine.layer import (
    AttentionLayer,
    Cache,
    PhaseHook,
    decode_step,
    no_phase_hook,
)
from gqa_core.measure.device import describe, use_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.nvml import read_clocks
from gqa_core.measure.queue_probes import QueueProbes
from gqa_core.measure.roofline_probes import RooflineProbes, last_cache_bytes
from gqa_core.measure.sampling import READS_PER_ROUND, StepSamples, take_samples
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.records.device_clocks import DeviceClocks
from gqa_core.records.kinds.decode import DecodeMeasurement, DecodeSamples
from gqa_core.records.memory import Memory
from gqa_core.records.quartiles import TimeSummary
from gqa_core.records.specs.decode import DecodeSpec

__all__ = ["SEED", "DecodeStep", "build_layers", "last_kernel", "measure_decode"]

N_WARMUP = 3
SEED = 20231
MAX_BANDWIDTHS = 200  # kept in a record


@torch.inference_mode()
def measure_decode(
    specs: Sequence[DecodeSpec],
    device_name: str = "auto",
    on_progress: Callable[[str, int], None] = lambda text, n_done: None,
) -> list[DecodeMeasurement | str]:
    """A measurement per spec, in their order, or the reason why a spec could not be measured.

    The specs are of one dtype. A measurement has the kernel and device that ran, raw samples in
    seconds, and memory in bytes.

    Raises:
        ValueError: no device has this name.
        RuntimeError: torch could not run a step that it had run before.
    """
    device = use_device(device_name)
    timers = DeviceTimers(device)
    probes = _new_probes(device, getattr(torch, specs[0].dtype), timers)
    for warm_up in (probes.read, probes.multiply):  # threads and libraries belong to the baseline
        warm_up()
    steps: list[DecodeStep | str] = []
    for number, spec in enumerate(specs, 1):
        if len(specs) > 1:  # which takes as long as the samples where other work is running
            on_progress(f"setting up {number} of {len(specs)}", 0)
        try:
            steps.append(DecodeStep(spec, device, timers))
        except (ValueError, RuntimeError) as error:
            steps.append(str(error).splitlines()[0])
    ready = [step for step in steps if isinstance(step, DecodeStep)]
    least = max(spec.n_samples for spec in specs)
    clocks_before = read_clocks(device)
    samples = iter(take_samples(ready, probes, least=least, on_progress=on_progress))
    clocks = clocks_before, read_clocks(device)
    return [
        step.measurement(next(samples), probes, clocks) if isinstance(step, DecodeStep) else step
        for step in steps
    ]


class DecodeStep:
    """The layers and caches of one spec, as a step that can be repeated; its peak is taken.

    Raises:
        ValueError: the kernel cannot serve such a cache.
        RuntimeError: torch could not allocate or run it.
    """

    def __init__(self, spec: DecodeSpec, device: torch.device, timers: DeviceTimers) -> None:
        self._spec, self._device = spec, device
        layers = build_layers(spec, device)
        generator = torch.Generator(device).manual_seed(SEED)
        b, s = spec.workload.batch_size, spec.workload.context_len
        x = torch.randn(b, 1, spec.attention.dim, generator=generator, **layers[0].factory_kwargs)
        kv_format = spec.quantised_format
        # The short cache is attended by the kernel of the long one.
        kernel = layers[0].plan(s, kv_format).decode
        short_caches = [layer.new_cache(b, 1, kernel, kv_format) for layer in layers]
        overhead_step = partial(_repeat_step, layers, short_caches, x)
        overhead_step(no_phase_hook)
        _return_free_memory()
        meter = MemoryMeter(device)
        caches = [layer.new_cache(b, s, kv_format=kv_format) for layer in layers]
        for cache in caches:
            cache.fill_random(generator)
        step = partial(_repeat_step, layers, caches, x)
        with record_kernels() as kernels:
            for _ in range(N_WARMUP):
                step(no_phase_hook)
            timers.clock.synchronize()
        self._attend_kernel = last_kernel(kernels)
        self._sdpa_backend = kernels.last_sdpa_backend
        self._peak_was_reset = meter.peak_was_reset
        self._memory = Memory.from_peaks(
            spec.formula_bytes,
            sum(cache.tensor_bytes for cache in caches),
            sum(cache.padding_bytes for cache in caches),
            meter.read(),
        )
        # Graphs reserve memory of their own: they are captured once the peak is read.
        self._timer, self._overhead_timer = map(timers.for_step, (step, overhead_step))
        queries = [layer.project(x, s - 1)[0] for layer in layers]
        self._attend_timer = timers.for_call(partial(_attend, layers, queries, caches))

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one pass, summed over layers."""
        return self._timer.time_phases()

    def time_whole(self) -> float:
        """Seconds of one pass from start to end."""
        return self._timer.time_whole()

    def time_attend(self) -> float:
        """Seconds of attending over the full caches, summed over layers."""
        return self._attend_timer.time_whole()

    def time_overhead(self) -> float:
        """Seconds of attending over one token per layer."""
        return self._overhead_timer.time_phases()["attend"]

    def measurement(
        self,
        samples: StepSamples,
        probes: RooflineProbes | QueueProbes,
        clocks: tuple[DeviceClocks | None, DeviceClocks | None],
    ) -> DecodeMeasurement:
        """The result, from the samples and probes of the same run, and the clocks around it."""
        spec = self._spec
        results = probes.results(overhead_s=TimeSummary.from_samples(samples.overhead).p5)
        return DecodeMeasurement(
            torch_version=str(torch.__version__),
            device=describe(self._device),
            kernel_ran=spec.latent_form or self._attend_kernel,
            attend_kernel=self._attend_kernel,
            n_warmup=N_WARMUP,
            samples_s=DecodeSamples(
                **{
                    name: tuple(round(value, 9) for value in seconds)
                    for name, seconds in samples.seconds.items()
                }
            ),
            memory=self._memory,
            probes=results,
            bandwidth_samples_bytes_per_s=_own_bandwidths(probes.bandwidths, samples.count),
            bound_s=results.bound_s(spec.formula_bytes, spec.flops),
            peak_was_reset=self._peak_was_reset,
            timing=self._timer.timing,
            sdpa_backend=self._sdpa_backend,
            clocks_before=clocks[0],
            clocks_after=clocks[1],
        )


def _own_bandwidths(bandwidths: Sequence[float], n_rounds: int) -> tuple[int, ...]:
    """Bandwidths probed before, between and after the rounds of one step, thinned if they are many.

    A step that settles early drops out, and what other steps met later says nothing about it.
    """
    own = bandwidths[: READS_PER_ROUND * n_rounds + 2]  # one from the warm-up, one afterwards
    return tuple(map(round, own[:: -(-len(own) // MAX_BANDWIDTHS)]))


def _new_probes(
    device: torch.device, dtype: torch.dtype, timers: DeviceTimers
) -> RooflineProbes | QueueProbes:
    """The probes of this device, timed as its steps are."""
    if device.type == "cpu":
        return RooflineProbes(device, dtype, timers.clock, last_cache_bytes())
    return QueueProbes(device, dtype, timers)


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


def _attend(
    layers: Sequence[AttentionLayer[Any, Any]], queries: Sequence[Any], caches: Sequence[Cache]
) -> None:
    """Attend with each layer's query over its cache."""
    for layer, q, cache in zip(layers, queries, caches, strict=True):
        layer.attend(q, cache)


def _return_free_memory() -> None:
    """Give memory that is free in this process back to the system, where the C library can.

    Else a step would be served from what the one before freed, and not raise the peak.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
