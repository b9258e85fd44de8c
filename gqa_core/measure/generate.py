"""The same tokens generated with a cache and without one, each step timed by phase.

The model is `n_layers` layers of grouped attention with residuals and seeded random weights. It
has no feed-forward and no vocabulary: the next token's vector is the last one's output, normalised.
So each token depends on all before it, as in any generation, and both ways must agree on it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import rms_norm

from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.layer import PHASES, PhaseHook, decode_step
from gqa_core.measure.decode import SEED
from gqa_core.measure.device import describe, find_device
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.timing import Clock, one_thread, time_phases
from gqa_core.records.specs.generate import N_SHOWN, GenerateSpec

N_WARMUP = 16  # tokens generated and thrown away before any is timed

Step = Callable[[Tensor, int, PhaseHook], Tensor]


@torch.inference_mode()
@one_thread()
def measure_generate(point: GenerateSpec, device_asked: str = "auto") -> dict[str, object]:
    """The measured part of a record: seconds by phase, of the step at each length and until then.

    Raises:
        ValueError: `device_asked` is not a device's name.
        RuntimeError: torch could not allocate or run it.
    """
    device = find_device(device_asked)
    torch.manual_seed(SEED)
    like = {"dtype": getattr(torch, point.dtype), "device": device}
    layers = [
        GroupedAttention(point.attention, kernel=point.kernel, **like)
        for _ in range(point.n_layers)
    ]
    kernel = point.kernel
    if point.mode == "cached":  # of the short cache of the warm-up as of the long one
        kernel = layers[0].plan(point.n_tokens).decode
    clock = Clock.of(device)
    first = torch.randn(1, 1, point.attention.dim, **like)
    generate(_new_step(point.mode, layers, N_WARMUP, kernel), first, (N_WARMUP,), 1, clock)
    meter = MemoryMeter(device)
    step = _new_step(point.mode, layers, point.n_tokens, kernel)
    with record_kernels() as kernels:
        answer = generate(step, first, point.context_lens, point.n_samples, clock)
    return {
        "torch_version": torch.__version__,
        "device": describe(device),
        "kernel_ran": kernels.last,
        "n_warmup": N_WARMUP,
        **answer,
        "memory": {
            "formula_bytes": point.formula_bytes,
            "tensor_bytes": step.tensor_bytes,
            **meter.read(),
        },
        "peak_was_reset": meter.was_reset,
    }


def generate(
    step: Step, first: Tensor, context_lens: tuple[int, ...], n_samples: int, clock: Clock
) -> dict[str, object]:
    """Tokens from `first` (1, 1, dim) on, as many as the last of `context_lens`.

    `samples_s` are repeats of the step that adds token n, `totals_s` the sums over steps 1 to n,
    repeats not counted, and `outputs` the first numbers of what step n gave; each by length.
    """
    tokens = first.new_empty(1, context_lens[-1] + 1, first.shape[-1])
    tokens[:, :1] = first
    spent = dict.fromkeys(PHASES, 0.0)
    samples: dict[str, list[list[float]]] = {phase: [] for phase in PHASES}
    totals: dict[str, list[float]] = {phase: [] for phase in PHASES}
    outputs: list[list[float]] = []

    def run(on_phase_end: PhaseHook) -> None:
        output = step(tokens, n, on_phase_end)
        tokens[:, n : n + 1] = rms_norm(output, output.shape[-1:])

    for n in range(1, context_lens[-1] + 1):
        for phase, seconds in time_phases(run, clock).items():
            spent[phase] += seconds
        if n not in context_lens:
            continue
        repeats = [time_phases(run, clock) for _ in range(n_samples)]
        for phase in PHASES:
            samples[phase].append([repeat[phase] for repeat in repeats])
            totals[phase].append(spent[phase])
        outputs.append(tokens[0, n, :N_SHOWN].tolist())
    return {"samples_s": samples, "totals_s": totals, "outputs": outputs}


class _Cached:
    """One token a step, against preallocated caches laid out for `kernel`."""

    def __init__(self, layers: list[GroupedAttention], n_tokens: int, kernel: str) -> None:
        self._layers = layers
        self._caches = [layer.new_cache(1, n_tokens, kernel) for layer in layers]

    @property
    def tensor_bytes(self) -> int:
        return sum(cache.tensor_bytes for cache in self._caches)

    def __call__(self, tokens: Tensor, n: int, on_phase_end: PhaseHook) -> Tensor:
        for cache in self._caches:
            cache.rewind(n - 1)
        return decode_step(self._layers, self._caches, tokens[:, n - 1 : n], on_phase_end)


class _Recomputed:
    """The whole prefix at every step, by the layers' own kernel, and only its last output used."""

    tensor_bytes = 0

    def __init__(self, layers: list[GroupedAttention], n_tokens: int, kernel: str) -> None:
        self._layers = layers

    def __call__(self, tokens: Tensor, n: int, on_phase_end: PhaseHook) -> Tensor:
        x = tokens[:, :n]
        for layer in self._layers:
            x = x + layer(x, None, on_phase_end)
        return x[:, -1:]


def _new_step(
    way: str, layers: list[GroupedAttention], n_tokens: int, kernel: str
) -> _Cached | _Recomputed:
    return (_Cached if way == "cached" else _Recomputed)(layers, n_tokens, kernel)
