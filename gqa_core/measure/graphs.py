"""CUDA graphs of a decode step: one of the whole, and one per phase of each layer.

Captured once and replayed, a step costs one launch, whatever Python does in between. All graphs of
a step share one pool of memory, which they may since they are replayed in the order of capture.
Events inside a graph would mark phases too, but ROCm does not time those (ROCm/rocm-systems issue
2380), so each phase is a graph of its own.

Capture runs the step's Python: a cache is rewound and filled as by any step, kernels are recorded
by name, and a replay does none of that. It reads and writes by address: the step lives as long as
its graphs, so that its caches and weights stay where they are.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress

import torch

from gqa_core.engine.layer import PhaseHook, no_phase_hook

__all__ = ["GraphedStep"]

N_WARMUP = 3  # eager steps on the capturing stream: libraries set themselves up there

Step = Callable[[PhaseHook], object]


class GraphedStep:
    """A step as graphs; `output` is what the captured step returned, rewritten by each replay.

    `pool_bytes` is the memory that the graphs reserve for themselves, beside what eager steps take.

    Raises:
        RuntimeError: the step does something that cannot be captured, such as waiting for a result.
    """

    def __init__(self, step: Step, device: torch.device) -> None:
        self._source = step  # a replay reads the caches and weights that it holds, by address
        stream = torch.cuda.Stream(device)
        _warm_up(step, stream, device)
        reserved = torch.cuda.memory_reserved(device)
        self._pool = torch.cuda.graph_pool_handle()
        current = torch.cuda.current_stream(device)
        try:
            self._step, self.output = self._capture_step(step, stream)
            self._phases = self._capture_phases(step, stream)
        finally:  # torch's own context stays on the capturing stream if the capture fails
            torch.cuda.set_stream(current)
        torch.cuda.synchronize(device)
        self.pool_bytes = max(torch.cuda.memory_reserved(device) - reserved, 0)

    def replay(self) -> None:
        """Queue one step."""
        self._step.replay()

    def replay_phases(self, on_phase_end: PhaseHook) -> None:
        """Queue one step phase by phase; the hook is called with the name of each, once queued."""
        for phase, graph in self._phases:
            graph.replay()
            on_phase_end(phase)

    def _capture_step(
        self, step: Step, stream: torch.cuda.Stream
    ) -> tuple[torch.cuda.CUDAGraph, object]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=stream):
            output = step(no_phase_hook)
        return graph, output

    def _capture_phases(
        self, step: Step, stream: torch.cuda.Stream
    ) -> list[tuple[str, torch.cuda.CUDAGraph]]:
        """The graph of each phase in order; what follows the last phase is in none of them."""
        phases: list[tuple[str, torch.cuda.CUDAGraph]] = []
        graph = torch.cuda.CUDAGraph()

        def begin_next(phase: str) -> None:
            nonlocal graph
            graph.capture_end()
            phases.append((phase, graph))
            graph = torch.cuda.CUDAGraph()
            graph.capture_begin(pool=self._pool)

        with torch.cuda.stream(stream):
            graph.capture_begin(pool=self._pool)
            try:
                step(begin_next)
            except BaseException:
                with suppress(RuntimeError):  # the stream must not stay in capture
                    graph.capture_end()
                raise
            graph.capture_end()
        return phases


def _warm_up(step: Step, stream: torch.cuda.Stream, device: torch.device) -> None:
    """Run eager steps on the stream, then give back the memory that they left unused."""
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(N_WARMUP):
            step(no_phase_hook)
    torch.cuda.current_stream(device).wait_stream(stream)
    torch.cuda.synchronize(device)
    gc.collect()  # nothing may be freed on the device while it captures
    torch.cuda.empty_cache()
