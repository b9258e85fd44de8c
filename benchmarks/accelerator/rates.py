"""Bounds of a step (read bandwidth, matmul rates, launches), and graphs against eager steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.accelerator.session import Session, first_line
from gqa_core.configs import Workload
from gqa_core.engine.layer import PhaseHook, decode_step, no_phase_hook
from gqa_core.measure.decode import build_layers
from gqa_core.measure.device import use_device
from gqa_core.measure.graphs import GraphedStep
from gqa_core.measure.probe import arithmetic_probes, read_probes
from gqa_core.measure.step_timer import call_timer, step_timer
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.specs.decode import PROBE_BYTES, DecodeSpec

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
N_SAMPLES = 20


def measure_rates(session: Session, report: Callable[[str], None]) -> None:
    """Report each probe's best bandwidth and arithmetic rate, and what a launch costs."""
    device = use_device(session.device)
    n_samples = 2 if session.quick else N_SAMPLES
    for number, read in enumerate(read_probes(device)[: 1 if session.quick else None]):
        seconds = best(call_timer(read, device).time_whole, n_samples)
        report(f"read {PROBE_BYTES} bytes, probe {number}: {PROBE_BYTES / seconds / 1e9:.1f} GB/s")
    for dtype in DTYPES[:1] if session.quick else DTYPES:
        for number, (multiply, flops) in enumerate(arithmetic_probes(dtype, device)):
            seconds = best(call_timer(multiply, device).time_whole, n_samples)
            report(f"multiply {dtype}, probe {number}: {flops / seconds / 1e12:.3f} TFLOP/s")
    small = torch.zeros(1, device=device)
    clock = Clock.for_device(device)
    eager = best(lambda: time_whole(lambda: small.add_(1), clock), 5 * n_samples)
    replayed = call_timer(lambda: small.add_(1), device)
    report(f"one add of one number: eager {1e6 * eager:.2f} us, {describe(replayed.time_whole)}")
    report(f"{replayed.timing}")


def describe(timed: Callable[[], float]) -> str:
    """The best time of a timer's samples, in words."""
    return f"timed as steps are {1e6 * best(timed, N_SAMPLES):.2f} us"


def compare_graphs(session: Session, report: Callable[[str], None]) -> None:
    """Report each variant's step timed eagerly and as records time it, and compare the outputs.

    Raises:
        ValueError: a variant's replayed output differs from the eager one.
    """
    device = use_device(session.device)
    wrong = []
    for name, spec in comparison_specs(session).items():
        try:
            line, is_equal = graph_line(spec, device, 2 if session.quick else N_SAMPLES)
        except Exception as error:  # noqa: BLE001 - the other variants go on
            line, is_equal = f"not run: {first_line(error)}", True
        report(f"{name:<14}{line}")
        wrong += [] if is_equal else [name]
    if wrong:
        raise ValueError(f"replays must give what eager steps give: got others for {wrong}")


def comparison_specs(session: Session) -> dict[str, DecodeSpec]:
    """One layer of each variant in bfloat16, at 8,192 tokens."""
    workload = Workload(context_len=64 if session.quick else 8192, batch_size=1)
    return {
        name: DecodeSpec(attention=layer, workload=workload, dtype="bfloat16", kernel=kernel)
        for name, layer, kernel in session.variants()
    }


@torch.inference_mode()
def graph_line(spec: DecodeSpec, device: torch.device, n_samples: int) -> tuple[str, bool]:
    """Times of a step in words, and if both ways gave the same output."""
    layers = build_layers(spec, device)
    b, s = spec.workload.batch_size, spec.workload.context_len
    x = torch.randn(b, 1, spec.attention.dim, **layers[0].factory_kwargs)
    caches = [layer.new_cache(b, s) for layer in layers]
    for cache in caches:
        cache.fill_random(torch.Generator(device).manual_seed(1))

    def step(on_phase_end: PhaseHook) -> Tensor:
        for cache in caches:
            cache.rewind(s - 1)
        return decode_step(layers, caches, x, on_phase_end)

    expected = step(no_phase_hook).clone()
    clock = Clock.for_device(device)
    eager = best(partial(time_whole, partial(step, no_phase_hook), clock), n_samples)
    timer = step_timer(step, device)
    seconds, phases = best(timer.time_whole, n_samples), timer.time_phases()
    is_equal = torch.allclose(replayed_output(step, device), expected, rtol=2e-2, atol=2e-2)
    parts = ", ".join(f"{phase} {1e6 * value:.1f}" for phase, value in phases.items())
    return (
        f"eager {1e6 * eager:.1f} us, {timer.timing.method} {1e6 * seconds:.1f} us ({parts}), "
        f"{timer.timing.replays_per_sample} replays per sample, outputs "
        f"{'equal' if is_equal else 'DIFFER'}{f'; {timer.note}' if timer.note else ''}"
    ), is_equal


def replayed_output(step: Callable[[PhaseHook], Tensor], device: torch.device) -> Tensor:
    """The output of a step replayed from its graph; without graphs that of an eager step."""
    if device.type != "cuda":
        return step(no_phase_hook)
    graphs = GraphedStep(step, device)
    assert isinstance(graphs.output, Tensor)
    graphs.output.zero_()
    graphs.replay()
    torch.cuda.synchronize(device)
    return graphs.output.clone()


def best(time: Callable[[], float], n_samples: int) -> float:
    """The least seconds of several samples."""
    return min(time() for _ in range(n_samples))
