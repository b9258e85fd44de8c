"""Measures a sharded spec: all ranks call this together, and rank 0 gets the result of all."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from gqa_core.configs import GroupedConfig
from gqa_core.measure.device import describe
from gqa_core.measure.probe import fastest, probe_buffer, read_probes
from gqa_core.measure.sampling import take_samples
from gqa_core.measure.sharded.process import RankProcess
from gqa_core.measure.sharded.step import N_WARMUP, ShardedStep
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.kinds.sharded import (
    MAX_BANDWIDTH_SAMPLES,
    RankResult,
    ShardedMeasurement,
)
from gqa_core.records.specs.decode import PROBE_BYTES
from gqa_core.records.specs.sharded import ShardedSpec
from gqa_core.records.step_timing import StepTiming

__all__ = ["measure_sharded"]

EAGER_NOTE = "eager steps between events of the queue: no graphs, so launching is timed too"


@torch.inference_mode()
def measure_sharded(
    spec: ShardedSpec, process: RankProcess, on_progress: Callable[[str, int], None]
) -> ShardedMeasurement | str:
    """The measurement, equal on all ranks, or the reason why the spec could not be measured.

    Raises:
        RuntimeError: a rank is gone, or torch could not run a step that it had run before.
    """
    step: ShardedStep | None = None
    reason = ""
    try:
        step = ShardedStep(spec, process)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
    for rank, text in enumerate(process.exchange_objects(reason)):
        if text:
            return f"rank {rank}: {text}"
    assert step is not None, "a rank without a step gives a reason"
    step.warm_up()
    probes = _ReadProbe(process)
    take_samples(
        [step],
        probes,
        least=spec.decode.n_samples,
        now=lambda: process.exchange(time.monotonic())[0],
        on_progress=on_progress,
    )
    results = process.exchange_objects(
        (_rank_result(spec, process, step, probes), step.attend_kernel)
    )
    attend_kernel = next(kernel for _, kernel in results if kernel)
    return ShardedMeasurement(
        torch_version=str(torch.__version__),
        device=describe(process.device),
        backend=process.backend,
        kernel_ran=spec.decode.latent_form or attend_kernel,
        attend_kernel=attend_kernel,
        n_warmup=N_WARMUP,
        timing=_timing(process.device),
        ranks=tuple(result for result, _ in results),
    )


def _rank_result(
    spec: ShardedSpec, process: RankProcess, step: ShardedStep, probes: _ReadProbe
) -> RankResult:
    """The part of this rank."""
    rank, caches = process.rank, [cache for cache in step.caches if cache is not None]
    part = spec.part(rank)
    return RankResult(
        rank=rank,
        node=process.environment.node,
        device=describe(process.device),
        n_tokens=max((cache.capacity for cache in caches), default=0),
        n_heads=len(spec.shards[rank].query_heads),
        n_kv_heads=part.n_kv_heads if isinstance(part, GroupedConfig) else None,
        formula_bytes=spec.rank_bytes(rank),
        tensor_bytes=sum(cache.tensor_bytes for cache in caches),
        padding_bytes=sum(cache.padding_bytes for cache in caches),
        wire_bytes=step.wire_bytes,
        samples_s=step.samples,
        bandwidth_samples_bytes_per_s=probes.samples,
    )


class _ReadProbe:
    """The bandwidth at which this rank reads memory while all others do so too."""

    def __init__(self, process: RankProcess) -> None:
        self._process = process
        self._clock = Clock.for_device(process.device)
        self._read = fastest(read_probes(probe_buffer(process.device)), self._clock)
        self._bandwidths: list[float] = []

    def read(self) -> None:
        """Read the buffer once, beginning with all other ranks, and keep the bandwidth."""
        self._process.wait_for_all()
        self._bandwidths.append(PROBE_BYTES / time_whole(self._read, self._clock))

    def multiply(self) -> None:
        """Do nothing: no bound is computed from the arithmetic rate of a rank."""

    @property
    def samples(self) -> tuple[int, ...]:
        """Bytes per second of each pass, thinned if they are many."""
        n_th = -(-len(self._bandwidths) // MAX_BANDWIDTH_SAMPLES)
        return tuple(map(round, self._bandwidths[::n_th]))


def _timing(device: torch.device) -> StepTiming:
    """The way in which the steps are timed."""
    if device.type == "cpu":
        return StepTiming(method="clock")
    return StepTiming(method="queued", note=EAGER_NOTE)
