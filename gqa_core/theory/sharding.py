"""Tensor parallelism: which heads, and how much of the cache, each of `tp` GPUs holds.

Query heads are dealt out evenly. K/V heads are too while there are enough of them; with more GPUs
than K/V heads each head is kept tp / n_kv_heads times, so that every GPU has the one its queries
read. MLA's latent has no head to deal out: every GPU keeps all of it. So from n_kv_heads GPUs on
(for MLA from the second) more GPUs do not make the cache of one GPU smaller.
Source: vllm-project/vllm, ModelConfig.get_num_kv_heads and QKVParallelLinear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from gqa_core.configs import MAX_HEADS, AttentionConfig, GroupedConfig, ModelConfig, validate_int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuShard:
    """What one GPU holds of a layer: its query heads, and the K/V heads they read.

    `kv_heads` is empty for MLA, whose latent is whole on every GPU. `is_copy` marks a GPU whose
    cached part an earlier GPU holds too.
    """

    gpu: int
    query_heads: range
    kv_heads: range
    is_copy: bool


def shard(attention: AttentionConfig, tp: int) -> AttentionConfig:
    """The layer as one of `tp` GPUs sees it: max(1, n_kv_heads / tp) K/V heads, or all the latent.

    Raises:
        ValueError: tp is out of bounds, does not divide n_heads, or neither of tp and n_kv_heads
            divides the other.
    """
    validate_int("tp", tp, MAX_HEADS)
    if attention.n_heads % tp:
        raise ValueError(f"tp must divide n_heads: got {tp} and {attention.n_heads}")
    n_heads = attention.n_heads // tp
    if not isinstance(attention, GroupedConfig):
        return replace(attention, n_heads=n_heads)
    n_kv_heads = attention.n_kv_heads
    if n_kv_heads % tp and tp % n_kv_heads:
        raise ValueError(
            f"tp must divide n_kv_heads, or be a multiple of it: got {tp} and {n_kv_heads}"
        )
    return replace(attention, n_heads=n_heads, n_kv_heads=max(1, n_kv_heads // tp))


@lru_cache(maxsize=256)  # a page of capacity asks for the same few some hundred times
def shard_model(model: ModelConfig, tp: int) -> ModelConfig:
    """The model as one of `tp` GPUs caches it; sizes of it are bytes per GPU.

    Raises:
        ValueError: as `shard`.
    """
    return ModelConfig(
        layer_groups=tuple(replace(run, attention=shard(run.attention, tp)) for run in model)
    )


def valid_tp_sizes(model: ModelConfig) -> tuple[int, ...]:
    """The numbers of GPUs that can split the heads of every layer, ascending."""
    most = min(run.attention.n_heads for run in model)
    return tuple(tp for tp in range(1, most + 1) if _can_split(model, tp))


def n_replicas(attention: AttentionConfig, tp: int) -> int:
    """How many GPUs hold each cached part: 1 while K/V heads are dealt out, tp for MLA.

    Raises:
        ValueError: as `shard`.
    """
    alone = shard(attention, tp)
    if isinstance(attention, GroupedConfig):
        return tp * alone.n_kv_heads // attention.n_kv_heads
    return tp


def gpu_shards(attention: AttentionConfig, tp: int) -> tuple[GpuShard, ...]:
    """What each of `tp` GPUs holds of one layer, in order.

    Raises:
        ValueError: as `shard`.
    """
    alone, kept = shard(attention, tp), n_replicas(attention, tp)
    count = alone.n_kv_heads if isinstance(alone, GroupedConfig) else 0
    shares = []
    for gpu in range(tp):
        first = gpu // kept * count
        shares.append(
            GpuShard(
                gpu=gpu,
                query_heads=range(gpu * alone.n_heads, (gpu + 1) * alone.n_heads),
                kv_heads=range(first, first + count),
                is_copy=gpu % kept > 0,
            )
        )
    return tuple(shares)


def _can_split(model: ModelConfig, tp: int) -> bool:
    try:
        shard_model(model, tp)
    except ValueError:
        return False
    return True
