"""Generates the same tokens with a cache and without one, each step timed by phase.

The model is `n_layers` layers of grouped attention with residuals and seeded random weights. It has
no feed-forward and no vocabulary: the next token's vector is the last one's output, RMS-normalised.
So each token depends on all before it, as in any generation, and both modes must agree on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import rms_norm

from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.layer import PHASES, PhaseHook, decode_step
from gqa_core.measure.decode import SEED, last_kernel
from gqa_core.measure.device import describe, use_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.timing import Clock, one_thread, time_phases
from gqa_core.records.kinds.generate import GenerateMeasurement, PhaseSamples, PhaseTotals
from gqa_core.records.memory import Memory
from gqa_core.records.specs.generate import N_SHOWN, GenerateSpec

__all__ = ["Generation", "generate", "measure_generate"]

N_WARMUP = 16  # tokens generated and discarded before any is timed

Step = Callable[[Tensor, int, PhaseHook], Tensor]


@dataclass(slots=True)
class Generation:
    """Seconds by phase and length, and what the step at each length returned.

    `samples` are repeats of the step that adds token n, `totals` the sums over steps 1 to n without
    the repeats, and `outputs` the first components of the token vector.
    """

    samples: dict[str, list[tuple[float, ...]]] = field(
        default_factory=lambda: {phase: [] for phase in PHASES}
    )
    totals: dict[str, list[float]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    outputs: list[tuple[float, ...]] = field(default_factory=list)


@torch.inference_mode()
@one_thread()
def measure_generate(spec: GenerateSpec, device_name: str = "auto") -> GenerateMeasurement:
    """Seconds by phase, of the step at each length and of all steps up to it.

    Raises:
        ValueError: no device has this name.
        RuntimeError: torch could not allocate or run it.
    """
    device = use_device(device_name)
    torch.manual_seed(SEED)
    dtype = getattr(torch, spec.dtype)
    layers = [
        GroupedAttention(spec.attention, kernel=spec.kernel, dtype=dtype, device=device)
        for _ in range(spec.n_layers)
    ]
    kernel: str = spec.kernel
    if spec.mode == "cached":  # the short cache of the warm-up has the kernel of the long one
        kernel = layers[0].plan(spec.n_tokens).decode
    new_step = _CachedStep if spec.mode == "cached" else _RecomputedStep
    clock = Clock.for_device(device)
    first = torch.randn(1, 1, spec.attention.dim, dtype=dtype, device=device)
    generate(new_step(layers, N_WARMUP, kernel), first, (N_WARMUP,), 1, clock)
    meter = MemoryMeter(device)
    step = new_step(layers, spec.n_tokens, kernel)
    with record_kernels() as kernels:
        generation = generate(step, first, spec.context_lens, spec.n_samples, clock)
    return GenerateMeasurement(
        torch_version=str(torch.__version__),
        device=describe(device),
        kernel_ran=last_kernel(kernels),
        n_warmup=N_WARMUP,
        samples_s=PhaseSamples(
            **{phase: tuple(lengths) for phase, lengths in generation.samples.items()}
        ),
        totals_s=PhaseTotals(
            **{phase: tuple(lengths) for phase, lengths in generation.totals.items()}
        ),
        outputs=tuple(generation.outputs),
        memory=Memory.from_peaks(
            spec.formula_bytes, step.tensor_bytes, step.padding_bytes, meter.read()
        ),
        peak_was_reset=meter.peak_was_reset,
    )


def generate(
    step: Step, first: Tensor, context_lens: tuple[int, ...], n_samples: int, clock: Clock
) -> Generation:
    """Generate from `first` (1, 1, dim) as many tokens as the last of `context_lens`."""
    tokens = first.new_empty(1, context_lens[-1] + 1, first.shape[-1])
    tokens[:, :1] = first
    generation = Generation()
    totals = dict.fromkeys(PHASES, 0.0)

    def run(on_phase_end: PhaseHook) -> None:
        output = step(tokens, n, on_phase_end)
        tokens[:, n : n + 1] = rms_norm(output, output.shape[-1:])

    for n in range(1, context_lens[-1] + 1):
        for phase, seconds in time_phases(run, clock).items():
            totals[phase] += seconds
        if n not in context_lens:
            continue
        repeats = [time_phases(run, clock) for _ in range(n_samples)]
        for phase in PHASES:
            generation.samples[phase].append(tuple(repeat[phase] for repeat in repeats))
            generation.totals[phase].append(totals[phase])
        generation.outputs.append(tuple(tokens[0, n, :N_SHOWN].tolist()))
    return generation


class _CachedStep:
    """One token per step, against preallocated caches in the layout of `kernel`."""

    def __init__(self, layers: Sequence[GroupedAttention], n_tokens: int, kernel: str) -> None:
        self._layers = layers
        self._caches = [layer.new_cache(1, n_tokens, kernel) for layer in layers]

    @property
    def tensor_bytes(self) -> int:
        return sum(cache.tensor_bytes for cache in self._caches)

    @property
    def padding_bytes(self) -> int:
        return sum(cache.padding_bytes for cache in self._caches)

    def __call__(self, tokens: Tensor, n: int, on_phase_end: PhaseHook) -> Tensor:
        for cache in self._caches:
            cache.rewind(n - 1)
        return decode_step(self._layers, self._caches, tokens[:, n - 1 : n], on_phase_end)


class _RecomputedStep:
    """The whole prefix at every step, by the layers' own kernel; only its last output is used."""

    tensor_bytes = 0
    padding_bytes = 0

    def __init__(self, layers: Sequence[GroupedAttention], n_tokens: int, kernel: str) -> None:
        self._layers = layers

    def __call__(self, tokens: Tensor, n: int, on_phase_end: PhaseHook) -> Tensor:
        x = tokens[:, :n]
        for layer in self._layers:
            x = x + layer(x, None, on_phase_end)
        return x[:, -1:]
