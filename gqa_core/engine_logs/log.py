"""Typed figures of the start-up lines of an engine.

A `CachePool` is memory that an engine took for the cache of some layers, and the token slots in it.
vLLM has one per start, SGLang one or more per GPU, llama.cpp one per kind of layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gqa_core.engine_logs.prints import PrintedSize

__all__ = [
    "CachePool",
    "EngineLog",
    "EngineName",
    "EngineStart",
    "PoolKind",
    "PrintedParallelism",
    "RequestMemory",
    "WorkerSize",
]

EngineName = Literal["vLLM", "SGLang", "llama.cpp"]
PoolKind = Literal["all layers", "full layers", "window layers", "states", "other layers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSize:
    """A size that one process printed; an empty `worker` is a line without a prefix."""

    worker: str
    size: PrintedSize


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePool:
    """Memory of one GPU for the cache of some layers, with `n_tokens` slots in it.

    The pool may have room for up to `slack_tokens` more than it reports: a block that did not fit,
    or a page that is not used. `k_size` and `v_size` are given if they were printed apart. For
    states, `n_tokens` are sequences.
    """

    kind: PoolKind
    n_tokens: int
    size: PrintedSize
    slack_tokens: int = 1
    k_size: PrintedSize | None = None
    v_size: PrintedSize | None = None
    k_format: str | None = None
    v_format: str | None = None
    n_layers: int | None = None

    @property
    def bytes_per_token(self) -> float:
        """Bytes per token slot: the printed memory over the printed tokens."""
        return self.size.n_bytes / self.n_tokens

    @property
    def least_bytes_per_token(self) -> float:
        """The fewest bytes per slot that lead to these prints."""
        return self.size.least_bytes / (self.n_tokens + self.slack_tokens)

    @property
    def most_bytes_per_token(self) -> float:
        """The most bytes per slot that lead to these prints."""
        return self.size.most_bytes / self.n_tokens

    def allows(self, bytes_per_token: float) -> bool:
        """True if this many bytes per slot print like this pool."""
        return self.least_bytes_per_token <= bytes_per_token <= self.most_bytes_per_token


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMemory:
    """Memory per GPU that an engine counts for one request of `model_len` tokens.

    It is printed in an error, or follows from memory over maximum concurrency.
    """

    model_len: int
    least_bytes: float
    most_bytes: float

    @property
    def n_bytes(self) -> float:
        """The middle of the interval."""
        return (self.least_bytes + self.most_bytes) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedParallelism:
    """Parallel sizes that a log prints; None for each that it does not."""

    tp: int | None = None
    dp: int | None = None
    dcp: int | None = None
    pp: int | None = None
    world_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStart:
    """One start of an engine: the figures of its GPU with the fewest tokens.

    `pools` are that GPU's. `cache_memory` and `weights` list every process that printed them.
    `max_concurrency` counts sequences of `model_len` tokens. Sizes and counts are None if no line
    has them.
    """

    pools: tuple[CachePool, ...] = ()
    requests: tuple[RequestMemory, ...] = ()
    n_tokens: int | None = None
    n_blocks: int | None = None
    block_size: int | None = None
    model_len: int | None = None
    max_concurrency: float | None = None
    parallelism: PrintedParallelism = PrintedParallelism()
    kv_format: str | None = None
    max_batched_tokens: int | None = None
    n_padding_layers: int | None = None
    cache_memory: tuple[WorkerSize, ...] = ()
    weights: tuple[WorkerSize, ...] = ()
    activations: PrintedSize | None = None
    non_torch: PrintedSize | None = None
    graphs: PrintedSize | None = None
    device_memory: PrintedSize | None = None
    utilisation: float | None = None

    @property
    def least_cache_memory(self) -> PrintedSize | None:
        """Memory for the cache on the GPU that has the least."""
        sizes = [entry.size for entry in self.cache_memory]
        return min(sizes, key=lambda size: size.n_bytes) if sizes else None

    @property
    def overhead_bytes(self) -> float | None:
        """Bytes per GPU that the engine takes besides weights and cache; None if not printed."""
        cache = self.least_cache_memory
        if not (cache and self.weights and self.device_memory and self.utilisation):
            return None
        weights = max(entry.size.n_bytes for entry in self.weights)
        room = self.device_memory.n_bytes * self.utilisation
        return max(0.0, room - weights - cache.n_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLog:
    """A log: its engine, the starts in it, and how many of its lines were understood.

    The other lines are counted in `n_unknown_lines`; no figure comes from them.
    """

    engine: EngineName
    version: str | None
    starts: tuple[EngineStart, ...]
    n_lines: int
    n_known_lines: int

    @property
    def n_unknown_lines(self) -> int:
        """Lines that no pattern of this package knows."""
        return self.n_lines - self.n_known_lines

    @property
    def last_start(self) -> EngineStart:
        """The last start with a pool or a request, or else the last."""
        complete = [start for start in self.starts if start.pools or start.requests]
        return (complete or list(self.starts))[-1]
