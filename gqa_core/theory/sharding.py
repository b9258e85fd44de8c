"""Sharding: the heads, and the tokens of the cache, on each of `tp` GPUs (ranks).

Query heads are split evenly. So are K/V heads while there are enough of them; with more GPUs than
K/V heads each head is replicated tp / n_kv_heads times, so that every GPU has the one that its
query heads read. MLA's latent has no head to split: every GPU holds all of it. Beyond n_kv_heads
GPUs (for MLA beyond one) more GPUs do not make the cache of one GPU smaller.

Decode context parallel (`dcp`) splits the tokens instead: `dcp` neighbours share their K/V heads,
token i is kept by the rank i mod dcp of them, and K/V heads are split over tp / dcp such groups.
Source: vllm-project/vllm, ModelConfig.get_num_kv_heads and QKVParallelLinear, and
docs/serving/context_parallel_deployment.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from gqa_core.configs import (
    MAX_HEADS,
    AttentionConfig,
    GroupedConfig,
    ModelConfig,
    RecurrentState,
    validate_int,
)

__all__ = [
    "GpuShard",
    "gpu_shards",
    "group_part",
    "n_replicas",
    "rank_tokens",
    "shard",
    "shard_model",
    "shard_state",
    "valid_tp_sizes",
    "validate_split",
]

Attention = TypeVar("Attention", bound=AttentionConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuShard:
    """One GPU's part of a layer: its query heads, and the K/V heads they read.

    `kv_heads` is empty for MLA, whose whole latent is on every GPU. `is_copy` is True if an earlier
    GPU caches the same part. The GPU attends for all `group_heads`, the query heads of its dcp
    group, over the tokens that it keeps as `dcp_rank` of the group.
    """

    gpu: int
    query_heads: range
    kv_heads: range
    is_copy: bool
    group_heads: range
    dcp_rank: int = 0


def shard(attention: AttentionConfig, tp: int) -> AttentionConfig:
    """One rank's part of a layer: max(1, n_kv_heads / tp) K/V heads, or the whole latent.

    Raises:
        ValueError: tp is out of bounds, does not divide n_heads, or neither of tp and n_kv_heads
            divides the other.
    """
    validate_split(attention, tp)
    n_heads = attention.n_heads // tp
    if not isinstance(attention, GroupedConfig):
        return replace(attention, n_heads=n_heads)
    return replace(attention, n_heads=n_heads, n_kv_heads=max(1, attention.n_kv_heads // tp))


@lru_cache(maxsize=256)  # the capacity page calls this with few arguments, hundreds of times
def shard_model(model: ModelConfig, tp: int) -> ModelConfig:
    """One rank's part of a model; its cache sizes are bytes per GPU.

    Every rank holds all keys of an indexer, and its part of the channels of a state.

    Raises:
        ValueError: as `shard`.
    """
    return replace(
        model,
        layer_groups=tuple(replace(group, attention=shard(group.attention, tp)) for group in model),
        states=tuple(shard_state(state, tp) for state in model.states),
        cross_attention=tuple(
            replace(cross, attention=shard(cross.attention, tp)) for cross in model.cross_attention
        ),
    )


def shard_state(state: RecurrentState, tp: int) -> RecurrentState:
    """One rank's channels of a state, rounded up."""
    return replace(
        state,
        conv_elements=-(-state.conv_elements // tp),
        recurrent_elements=-(-state.recurrent_elements // tp),
    )


def valid_tp_sizes(model: ModelConfig) -> tuple[int, ...]:
    """The numbers of GPUs that can split the heads of every layer, ascending."""
    n_heads = min((group.attention.n_heads for group in model), default=1)
    return tuple(tp for tp in range(1, n_heads + 1) if _can_split(model, tp))


def n_replicas(attention: AttentionConfig, tp: int) -> int:
    """The number of GPUs that cache the same part: 1 while K/V heads are split, tp for MLA.

    Raises:
        ValueError: as `shard`.
    """
    per_rank = shard(attention, tp)
    if isinstance(attention, GroupedConfig) and isinstance(per_rank, GroupedConfig):
        return tp * per_rank.n_kv_heads // attention.n_kv_heads
    return tp


def gpu_shards(attention: AttentionConfig, tp: int, dcp: int = 1) -> tuple[GpuShard, ...]:
    """Each GPU's part of one layer, in the order of the GPUs; a dcp group are neighbours.

    Raises:
        ValueError: as `validate_split`.
    """
    validate_split(attention, tp, dcp)
    n_groups, n_own = tp // dcp, attention.n_heads // tp
    per_group, replicas = shard(attention, n_groups), n_replicas(attention, n_groups)
    n_kv_heads = per_group.n_kv_heads if isinstance(per_group, GroupedConfig) else 0
    shards = []
    for gpu in range(tp):
        group, dcp_rank = divmod(gpu, dcp)
        first = group // replicas * n_kv_heads
        shards.append(
            GpuShard(
                gpu=gpu,
                query_heads=range(gpu * n_own, (gpu + 1) * n_own),
                kv_heads=range(first, first + n_kv_heads),
                is_copy=group % replicas > 0,
                group_heads=range(group * dcp * n_own, (group + 1) * dcp * n_own),
                dcp_rank=dcp_rank,
            )
        )
    return tuple(shards)


def group_part(attention: Attention, shard: GpuShard) -> Attention:
    """The layer of a GPU's dcp group: its query heads and the K/V heads that they read."""
    n_heads = len(shard.group_heads)
    if isinstance(attention, GroupedConfig):
        return replace(attention, n_heads=n_heads, n_kv_heads=len(shard.kv_heads))
    return replace(attention, n_heads=n_heads)


def rank_tokens(context_len: int, dcp: int, dcp_rank: int) -> int:
    """Tokens that one rank of a dcp group keeps: those i with i mod dcp = dcp_rank, maybe none."""
    return max(0, -(-(context_len - dcp_rank) // dcp))


def validate_split(attention: AttentionConfig, tp: int, dcp: int = 1) -> None:
    """Raise ValueError unless `tp` ranks, in groups of `dcp`, can split the heads of a layer."""
    validate_int("tp", tp, MAX_HEADS)
    validate_int("dcp", dcp, MAX_HEADS)
    if tp % dcp:
        raise ValueError(f"dcp must divide tp: got {dcp} and {tp}")
    if attention.n_heads % tp:
        raise ValueError(f"tp must divide n_heads: got {tp} and {attention.n_heads}")
    ranks = tp // dcp
    n_kv_heads = attention.n_kv_heads if isinstance(attention, GroupedConfig) else 1
    if n_kv_heads % ranks and ranks % n_kv_heads:
        name = "tp" if dcp == 1 else "tp / dcp"
        raise ValueError(
            f"{name} must divide n_kv_heads, or be a multiple of it: got {ranks} and {n_kv_heads}"
        )


def _can_split(model: ModelConfig, tp: int) -> bool:
    try:
        shard_model(model, tp)
    except ValueError:
        return False
    return True
