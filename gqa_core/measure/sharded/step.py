"""A sharded decode step as a step that can be timed: all ranks start each pass together.

Before a pass all wait for each other; inside it nothing waits but the step's own collectives. After
it the ranks exchange their seconds, so that all of them see the same samples, those of the slowest
rank, and decide alike when they have enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.layer import PHASES, AttentionLayer, Cache, PhaseHook, no_phase_hook
from gqa_core.engine.sharded.layer import build_shard
from gqa_core.engine.sharded.step import SHARDED_PHASES, attend_part, sharded_decode_step
from gqa_core.measure.decode import SEED, last_kernel
from gqa_core.measure.sharded.process import RankProcess
from gqa_core.measure.timing import Clock, time_phases, time_whole
from gqa_core.records.kinds.sharded import WireCount
from gqa_core.records.kinds.sharded_samples import ShardedSamples
from gqa_core.records.specs.sharded import LSE_KERNELS, ShardedSpec

__all__ = ["N_WARMUP", "ShardedStep"]

N_WARMUP = 3


class ShardedStep:
    """This rank's layers and caches of one spec; all ranks make it together.

    `wire_bytes` are those of one pass, and `attend_kernel` is the kernel that attended.

    Raises:
        ValueError: the kernel cannot serve such a cache.
        RuntimeError: torch could not allocate or run it.
    """

    def __init__(self, spec: ShardedSpec, process: RankProcess) -> None:
        self._spec, self._process = spec, process
        self._clock = Clock.for_device(process.device)
        self._groups = process.groups
        self.layers = self._build_layers()
        self.kernel = self._choose_kernel()
        self.caches = self._new_caches(spec.n_tokens(process.rank))
        self._x = self._new_input()
        self._seconds: dict[str, list[float]] = {
            name: [] for name in ShardedSamples.__struct_fields__
        }
        self.attend_kernel: Any = None
        self.wire_bytes = WireCount()

    def warm_up(self) -> None:
        """Run the first passes; the last one says which kernel attends and what is sent."""
        with record_kernels() as kernels:
            for _ in range(N_WARMUP):
                self._groups.wire_bytes.clear()
                self._repeat(no_phase_hook)
            self._clock.synchronize()
        # A rank without a token attends over none; its kernel is that of the others.
        self.attend_kernel = last_kernel(kernels) if kernels.last else None
        self.wire_bytes = WireCount(**self._groups.wire_bytes)
        queries = [layer.project(self._x, self._position)[0] for layer in self.layers]
        self._queries = [_for_group(q, self._spec.dcp) for q in queries]

    @property
    def samples(self) -> ShardedSamples:
        """The seconds of this rank so far."""
        return ShardedSamples(
            **{
                name: tuple(round(value, 9) for value in seconds)
                for name, seconds in self._seconds.items()
            }
        )

    def time_phases(self) -> dict[str, float]:
        """Seconds of each phase of one pass on this rank, of those phases that `sampling` knows."""
        self._process.wait_for_all()
        seconds = time_phases(self._repeat, self._clock)
        for name in SHARDED_PHASES:
            if name != "attend":
                self._seconds[name].append(seconds[name])
        return {name: seconds[name] for name in PHASES}

    def time_whole(self) -> float:
        """Seconds of one pass from start to end on the slowest rank."""
        return self._time_together("step", lambda: self._repeat(no_phase_hook))

    def time_attend(self) -> float:
        """Seconds of attending over the full caches on the slowest rank, summed over layers."""
        return self._time_together("attend", self._attend)

    def time_overhead(self) -> float:
        """0: no time is predicted for a rank."""
        return 0.0

    def _time_together(self, name: str, call: Callable[[], object]) -> float:
        self._process.wait_for_all()
        seconds = time_whole(call, self._clock)
        self._seconds[name].append(seconds)
        return max(self._process.exchange(seconds))

    def _repeat(self, on_phase_end: PhaseHook) -> None:
        """A pass that writes the last token of the context, dropping it first where it is kept."""
        if self._position % self._spec.dcp == self._groups.dcp_rank:
            for cache in self.caches:
                assert cache is not None, "the rank that stores the last token has a cache"
                cache.rewind(min(cache.length, cache.capacity - 1))
        sharded_decode_step(
            self.layers, self.caches, self._x, self._position, self._groups, on_phase_end
        )

    def _attend(self) -> None:
        for layer, q, cache in zip(self.layers, self._queries, self.caches, strict=True):
            attend_part(layer, q, cache, needs_lse=self._spec.dcp > 1)

    @property
    def _position(self) -> int:
        return self._spec.decode.workload.context_len - 1

    def _build_layers(self) -> list[AttentionLayer[Any, Any]]:
        """This rank's part of the layers that one process would draw."""
        decode = self._spec.decode
        torch.manual_seed(SEED)
        shard = self._spec.shards[self._process.rank]
        kwargs: Any = {"dtype": getattr(torch, decode.dtype), "device": self._process.device}
        return [
            build_shard(decode.attention, decode.kernel, shard, **kwargs)
            for _ in range(decode.n_layers)
        ]

    def _choose_kernel(self) -> str:
        """The kernel of all ranks: that of the longest part of the context.

        With dcp it is one that returns log-sum-exps; on CUDA `triton` where it can serve.
        """
        layer, longest = self.layers[0], self._spec.n_tokens(0)
        planned = layer.plan(longest).decode
        if self._spec.dcp == 1 or planned in LSE_KERNELS:
            return planned
        if self._process.device.type == "cuda":
            try:
                layer.kernel = "triton"
                return layer.plan(longest).decode
            except ValueError:
                pass
        return "matmul"

    def _new_caches(self, n_tokens: int) -> list[Cache | None]:
        """A full cache per layer, or None where no token is kept."""
        if not n_tokens:
            return [None] * len(self.layers)
        generator = torch.Generator(self._process.device).manual_seed(SEED + self._process.rank)
        batch_size = self._spec.decode.workload.batch_size
        caches = [layer.new_cache(batch_size, n_tokens, self.kernel) for layer in self.layers]
        for cache in caches:
            cache.fill_random(generator)
        return caches

    def _new_input(self) -> torch.Tensor:
        """x (b, 1, dim), the same on all ranks."""
        decode = self._spec.decode
        generator = torch.Generator(self._process.device).manual_seed(SEED)
        return torch.randn(
            decode.workload.batch_size,
            1,
            decode.attention.dim,
            generator=generator,
            **self.layers[0].factory_kwargs,
        )


def _for_group(q: Any, dcp: int) -> Any:
    """A query of as many heads as the dcp group has, for timing attention without a gather."""
    if isinstance(q, tuple):
        return tuple(_for_group(part, dcp) for part in q)
    return q.repeat(1, dcp, 1, 1)
