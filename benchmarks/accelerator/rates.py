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
from gqa_core.measure.queue_probes import GPU_PROBE_BYTES
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.measure.timing import time_whole
from gqa_core.records.specs.decode import DecodeSpec

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
N_SAMPLES = 20


def measure_rates(session: Session, report: Callable[[str], None]) -> None:
    """Report each probe's best bandwidth and arithmetic rate, and what a launch costs."""
    device = use_device(session.device)
    timers, n_samples = DeviceTimers(device), 2 if session.quick else N_SAMPLES
    n_bytes = 2**20 if session.quick else GPU_PROBE_BYTES
    buffer = torch.ones(n_bytes // 4, device=device)
    for number, read in enumerate(read_probes(buffer)):
        seconds = best(timers.for_call(read).time_whole, n_samples)
        report(f"read {n_bytes} bytes, probe {number}: {n_bytes / seconds / 1e9:.1f} GB/s")
    for dtype in DTYPES[:1] if session.quick else DTYPES:
        for number, (multiply, flops) in enumerate(arithmetic_probes(dtype, device)):
            seconds = best(timers.for_call(multiply).time_whole, n_samples)
            report(f"multiply {dtype}, probe {number}: {flops / seconds / 1e12:.3f} TFLOP/s")
    small = torch.zeros(1, device=device)
    eager = best(lambda: time_whole(lambda: small.add_(1), timers.clock), 5 * n_samples)
    timer = timers.for_call(lambda: small.add_(1))
    report(
        f"one addition: eager {1e6 * eager:.2f} us, by {timer.timing.method} "
        f"{1e6 * best(timer.time_whole, n_samples):.2f} us; {timer.timing}"
    )


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
    timers = DeviceTimers(device)
    eager = best(partial(time_whole, partial(step, no_phase_hook), timers.clock), n_samples)
    timer = timers.for_step(step)
    seconds, phases = best(timer.time_whole, n_samples), timer.time_phases()
    is_equal = torch.allclose(replayed_output(step, device), expected, rtol=2e-2, atol=2e-2)
    parts = ", ".join(f"{phase} {1e6 * value:.1f}" for phase, value in phases.items())
    note = f"; {timer.timing.note}" if timer.timing.note else ""
    return (
        f"eager {1e6 * eager:.1f} us, {timer.timing.method} {1e6 * seconds:.1f} us ({parts}), "
        f"{timer.timing.replays_per_sample} replays per sample, outputs "
        f"{'equal' if is_equal else 'DIFFER'}{note}"
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
