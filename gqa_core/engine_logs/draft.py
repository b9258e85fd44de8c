"""Collects what the lines of one start print, until the start is complete."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gqa_core.engine_logs.log import (
    CachePool,
    EngineStart,
    PoolKind,
    PrintedParallelism,
    RequestMemory,
    WorkerSize,
)
from gqa_core.engine_logs.prints import PrintedSize

__all__ = ["BLOCK_SIZE", "StartDraft"]

BLOCK_SIZE = 16  # tokens per block where vLLM prints no other number
CONCURRENCY_ROUNDING = 0.005  # two decimals


@dataclass(slots=True, kw_only=True)
class StartDraft:
    """The figures of a start that is still being read; fields as in `EngineStart`."""

    engine_pools: dict[tuple[str, PoolKind], CachePool] = field(default_factory=dict)
    requests: list[RequestMemory] = field(default_factory=list)
    token_counts: list[int] = field(default_factory=list)
    block_counts: list[int] = field(default_factory=list)
    block_size: int | None = None
    model_len: int | None = None
    max_concurrency: float | None = None
    sizes: dict[str, int] = field(default_factory=dict)  # parallel sizes by name
    ranks: set[str] = field(default_factory=set)  # TP0, DP1, ... as processes are named
    kv_format: str | None = None
    max_batched_tokens: int | None = None
    n_padding_layers: int | None = None
    cache_memory: dict[str, PrintedSize] = field(default_factory=dict)
    weights: dict[str, PrintedSize] = field(default_factory=dict)
    activations: PrintedSize | None = None
    non_torch: PrintedSize | None = None
    graphs: PrintedSize | None = None
    device_memory: PrintedSize | None = None
    utilisation: float | None = None
    window_tokens: int | None = None  # slots of SGLang's pool of window layers
    next_kind: PoolKind = "all layers"  # of the cache that llama.cpp prints next
    memory_in_use: PrintedSize | None = None  # printed after the start, rounded to blocks
    n_cells: int | None = None  # as versions of llama.cpp print them before the size
    n_layers: int | None = None

    @property
    def is_complete(self) -> bool:
        """True once the start has said how much fits."""
        return bool(self.token_counts or self.block_counts or self.requests or self.engine_pools)

    @property
    def is_empty(self) -> bool:
        """True while no memory and no count was read."""
        return not (self.is_complete or self.cache_memory or self.weights)

    def add_pool(self, worker: str, pool: CachePool) -> None:
        """Add a pool; a second one of the same kind is of other layers, such as a draft model's."""
        if not pool.size.n_bytes:  # printed as 0.00: too small to say anything
            return
        if (first := self.engine_pools.get((worker, pool.kind))) and first != pool:
            pool = replace(pool, kind="other layers")
        self.engine_pools.setdefault((worker, pool.kind), pool)

    def add_cache_memory(self, worker: str, size: PrintedSize) -> None:
        """Add the memory that a process printed; processes without a prefix are numbered."""
        is_new = worker not in self.cache_memory
        name = worker if is_new else f"{worker} line {len(self.cache_memory) + 1}".strip()
        self.cache_memory[name] = size

    def finish(self) -> EngineStart:
        """The start, with the GPU of the fewest tokens where several printed theirs."""
        pools = self._pools()
        return EngineStart(
            pools=pools,
            requests=(*self.requests, *self._request_by_concurrency(pools)),
            n_tokens=min((pool.n_tokens for pool in pools if pool.kind != "states"), default=None)
            if not self.token_counts
            else min(self.token_counts),
            n_blocks=min(self.block_counts, default=None),
            block_size=self._block_size(),
            model_len=self.model_len,
            max_concurrency=self.max_concurrency,
            parallelism=self._parallelism(),
            kv_format=self.kv_format,
            max_batched_tokens=self.max_batched_tokens,
            n_padding_layers=self.n_padding_layers,
            cache_memory=_worker_sizes(self.cache_memory),
            weights=_worker_sizes(self.weights),
            activations=self.activations,
            non_torch=self.non_torch,
            graphs=self.graphs,
            device_memory=self.device_memory,
            utilisation=self.utilisation,
        )

    def _pools(self) -> tuple[CachePool, ...]:
        """The pools that were printed, or vLLM's one pool: least memory and fewest tokens."""
        fewest: dict[PoolKind, CachePool] = {}
        for (_, kind), pool in self.engine_pools.items():
            if kind not in fewest or pool.n_tokens < fewest[kind].n_tokens:
                fewest[kind] = pool
        if fewest:
            return tuple(fewest.values())
        n_tokens = self._n_tokens()
        printed = min(self.cache_memory.values(), key=lambda size: size.n_bytes, default=None)
        size = printed or self.memory_in_use
        if not (size and size.n_bytes and n_tokens):
            return ()
        slack = self._block_size() or BLOCK_SIZE
        return (
            CachePool(
                kind="all layers",
                n_tokens=n_tokens,
                size=size,
                slack_tokens=max(1, slack * self.sizes.get("dcp", 1)),
            ),
        )

    def _n_tokens(self) -> int | None:
        if self.token_counts:
            return min(self.token_counts)
        if self.block_counts:
            return min(self.block_counts) * (self._block_size() or BLOCK_SIZE)
        return None

    def _block_size(self) -> int | None:
        """Tokens per block, as printed or as the maximum concurrency implies."""
        if self.block_size or not (self.block_counts and self.model_len and self.max_concurrency):
            return self.block_size
        implied = self.max_concurrency * self.model_len / min(self.block_counts)
        powers = [2**power for power in range(11)]
        nearest = min(powers, key=lambda power: abs(power - implied))
        return nearest if abs(nearest / implied - 1) < 0.05 else None

    def _request_by_concurrency(self, pools: tuple[CachePool, ...]) -> tuple[RequestMemory, ...]:
        if not (self.model_len and self.max_concurrency) or len(pools) != 1:
            return ()
        low = self.max_concurrency - CONCURRENCY_ROUNDING
        high = self.max_concurrency + CONCURRENCY_ROUNDING
        if low <= 0:
            return ()
        size = pools[0].size
        return (
            RequestMemory(
                model_len=self.model_len,
                least_bytes=size.least_bytes / high,
                most_bytes=size.most_bytes / low,
            ),
        )

    def _parallelism(self) -> PrintedParallelism:
        """The printed sizes; those that are not printed from the ranks of the processes."""
        sizes = dict(self.sizes)
        for name in ("tp", "dp", "pp", "dcp"):
            ranks = {int(rank[len(name) :]) for rank in self.ranks if rank[: len(name)] == name}
            if name not in sizes and len(ranks) > 1 and ranks == set(range(len(ranks))):
                sizes[name] = len(ranks)
        return PrintedParallelism(**sizes)


def _worker_sizes(sizes: dict[str, PrintedSize]) -> tuple[WorkerSize, ...]:
    return tuple(WorkerSize(worker=worker, size=size) for worker, size in sizes.items())
