"""Spec of a decode step that several ranks share: a decode spec, and how it is split.

`tp` ranks split the query heads; groups of `dcp` ranks split the tokens of the cache and share its
K/V heads (`theory.sharding`). There are as many ranks as `tp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core import units
from gqa_core.configs import (
    MAX_HEADS,
    QUANTISED_FORMATS,
    AttentionConfig,
    validate_int,
)
from gqa_core.records.specs.decode import CacheSpec, DecodeSpec
from gqa_core.theory.collectives import WireBytes, wire_bytes
from gqa_core.theory.formats import dtype_bytes
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.sharding import GpuShard, gpu_shards, group_part, rank_tokens, validate_split

__all__ = ["LSE_KERNELS", "LseKernel", "ShardedSpec", "sharded_specs"]

LseKernel = Literal["split_kv", "triton", "matmul"]
LSE_KERNELS: tuple[LseKernel, ...] = get_args(LseKernel)  # those that return a log-sum-exp


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedSpec:
    """One point of a run of `tp` ranks: the step as a whole, and its split.

    Raises:
        ValueError: tp and dcp cannot split the layer or the cache of its form, the cache is
            quantised, or with dcp the kernel returns no log-sum-exp.
    """

    decode: DecodeSpec
    tp: int = 1
    dcp: int = 1

    def __post_init__(self) -> None:
        validate_split(self.decode.attention, self.tp, self.dcp)
        validate_split(self.decode.cached, self.tp, self.dcp)
        if self.decode.kv_format in QUANTISED_FORMATS:
            raise ValueError(
                f"kv_format must be that of the dtype where ranks share a step: "
                f"got {self.decode.kv_format!r}"
            )
        kernel = self.decode.kernel
        if self.dcp > 1 and kernel not in (*LSE_KERNELS, "auto", "absorbed", "naive"):
            raise ValueError(
                f"kernel must be auto or one of {', '.join(LSE_KERNELS)} with dcp, which needs "
                f"log-sum-exps: got {kernel!r}"
            )

    @property
    def shards(self) -> tuple[GpuShard, ...]:
        """Each rank's part of the layer as it is cached, in the order of the ranks."""
        return gpu_shards(self.decode.cached, self.tp, self.dcp)

    def n_tokens(self, rank: int) -> int:
        """Tokens of each sequence that this rank keeps, maybe none."""
        return rank_tokens(self.decode.workload.context_len, self.dcp, rank % self.dcp)

    def part(self, rank: int) -> AttentionConfig:
        """The layer whose cache this rank allocates: the heads of its dcp group."""
        return group_part(self.decode.cached, self.shards[rank])

    def rank_bytes(self, rank: int) -> int:
        """Bytes of this rank's caches by the formula, all layers and sequences."""
        decode = self.decode
        per_token = layer_bytes_per_token(self.part(rank), decode.cache_format)
        return decode.n_layers * decode.workload.batch_size * self.n_tokens(rank) * per_token

    @property
    def wire(self) -> WireBytes:
        """Bytes that each rank sends per layer and step by the formula."""
        return wire_bytes(
            self.decode.cached,
            Parallelism(tp=self.tp, dcp=self.dcp),
            self.decode.workload.batch_size,
            dtype_bytes(self.decode.dtype),
        )

    @property
    def cache_specs(self) -> Sequence[CacheSpec]:
        """The caches that the ranks allocate."""
        return [
            spec._replace(capacity=self.n_tokens(rank))
            for spec in self.decode.cache_specs
            for rank in range(self.dcp)
            if self.n_tokens(rank)
        ]

    @property
    def formula_bytes(self) -> int:
        """Bytes of the caches of all ranks by the formula, copies counted."""
        return sum(map(self.rank_bytes, range(self.tp)))

    @property
    def required_bytes(self) -> int:
        """Bytes that one rank takes while it runs, at most.

        Weights and work are those of the whole step: every rank draws a layer before it keeps a
        part of it. A rank multiplies nothing between the steps.
        """
        decode = self.decode
        other_bytes = decode.required_bytes - decode.formula_bytes - decode.product_bytes
        return other_bytes + self.rank_bytes(0)

    @property
    def n_samples(self) -> int:
        """The least number of samples."""
        return self.decode.n_samples

    def __str__(self) -> str:
        split = f"tp {self.tp}" + (f", dcp {self.dcp}" if self.dcp > 1 else "")
        return f"{self.decode} on {units.count(self.tp, 'rank')}, {split}"


def sharded_specs(specs: Sequence[DecodeSpec], tp: int, dcp: int) -> list[ShardedSpec]:
    """One spec per decode spec, all split alike.

    Raises:
        ValueError: as `ShardedSpec`, or a number is out of bounds.
    """
    validate_int("tp", tp, MAX_HEADS)
    validate_int("dcp", dcp, MAX_HEADS)
    return [ShardedSpec(decode=spec, tp=tp, dcp=dcp) for spec in specs]
