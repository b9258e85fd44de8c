"""Parallelism of a deployment: what one GPU keeps under tp, dp, dcp and pp, and how many copies.

* `tp`, tensor parallel: the ranks of a group split the query heads, and the K/V heads as far as
  there are enough; the rest are copies.
* `dcp`, decode context parallel, divides the ranks of a tensor-parallel group: K/V heads are split
  over tp / dcp of them, and token i of a sequence is kept by rank i mod dcp.
* `pp`, pipeline parallel: each stage keeps the cache of its layers for all sequences.
* `dp`, data-parallel attention: each rank has sequences of its own.

A deployment has tp x pp x dp GPUs. States of constant size are split over tp alone, and keys of a
sparse indexer over dcp alone: they have no heads.

Stages are counted at their worst: of every kind of layer, a stage has its share rounded up. That is
exact where kinds alternate evenly.
Source: vllm-project/vllm, docs/serving/context_parallel_deployment.md; Helix Parallelism
(arXiv:2507.07120).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from gqa_core.configs import (
    MAX_HEADS,
    MAX_LAYERS,
    AttentionConfig,
    LayerGroup,
    ModelConfig,
    validate_int,
)
from gqa_core.theory.sharding import n_replicas, shard_model, shard_state, validate_split

__all__ = [
    "MAX_DP",
    "ONE_GPU",
    "Parallelism",
    "gpu_context_len",
    "gpu_model",
    "kv_copies",
    "max_kv_copies",
]

MAX_DP = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallelism:
    """Sizes of a deployment: tensor, data and decode context parallel, and pipeline stages.

    Raises:
        ValueError: a number is out of bounds, or dcp does not divide tp.
    """

    tp: int = 1
    dp: int = 1
    dcp: int = 1
    pp: int = 1

    def __post_init__(self) -> None:
        validate_int("tp", self.tp, MAX_HEADS)
        validate_int("dp", self.dp, MAX_DP)
        validate_int("dcp", self.dcp, MAX_HEADS)
        validate_int("pp", self.pp, MAX_LAYERS)
        if self.tp % self.dcp:
            raise ValueError(f"dcp must divide tp: got {self.dcp} and {self.tp}")

    @property
    def world(self) -> int:
        """GPUs of the deployment."""
        return self.tp * self.pp * self.dp

    @property
    def head_ranks(self) -> int:
        """Ranks over which the K/V heads are split."""
        return self.tp // self.dcp

    def sequences_per_rank(self, batch_size: int) -> int:
        """The most sequences that one data-parallel rank has."""
        return -(-batch_size // self.dp)


ONE_GPU = Parallelism()


@lru_cache(maxsize=256)
def gpu_model(model: ModelConfig, parallelism: Parallelism) -> ModelConfig:
    """The part of a model that one GPU keeps, of the stage with most layers.

    Its windows are those of one dcp rank; use it with `gpu_context_len`.

    Raises:
        ValueError: tp cannot split the query heads, tp / dcp and the K/V heads do not divide each
            other, or there are more stages than layers.
    """
    if parallelism.pp > model.n_layers:
        raise ValueError(
            f"pp must be at most the number of layers: got {parallelism.pp} and {model.n_layers}"
        )
    for attention in _attentions(model):
        validate_split(attention, parallelism.tp, parallelism.dcp)
    heads = shard_model(model, parallelism.head_ranks)
    states = (shard_state(state, parallelism.tp) for state in model.states)
    pp = parallelism.pp
    return replace(
        heads,
        layer_groups=tuple(_stage_group(group, parallelism) for group in heads),
        n_cacheless_layers=-(-model.n_cacheless_layers // pp),
        indexers=tuple(replace(keys, n_layers=-(-keys.n_layers // pp)) for keys in heads.indexers),
        states=tuple(replace(state, n_layers=-(-state.n_layers // pp)) for state in states),
        cross_attention=tuple(
            replace(cross, n_layers=-(-cross.n_layers // pp)) for cross in heads.cross_attention
        ),
    )


def gpu_context_len(context_len: int, parallelism: Parallelism) -> int:
    """Tokens of a sequence that one dcp rank keeps, rounded up."""
    return -(-context_len // parallelism.dcp)


def kv_copies(attention: AttentionConfig, parallelism: Parallelism) -> int:
    """GPUs that keep the same byte of K and V: tp / (n_kv_heads dcp) of them, tp / dcp for MLA.

    Raises:
        ValueError: as `gpu_model`.
    """
    return n_replicas(attention, parallelism.head_ranks)


def max_kv_copies(model: ModelConfig, parallelism: Parallelism) -> int:
    """The most GPUs that keep the same byte of K and V, over all layers; 1 without such layers.

    Raises:
        ValueError: as `gpu_model`.
    """
    return max((kv_copies(group.attention, parallelism) for group in model), default=1)


def _stage_group(group: LayerGroup, parallelism: Parallelism) -> LayerGroup:
    """A stage's layers of one kind, whose window is split over the dcp ranks."""
    window = group.window
    return replace(
        group,
        n_layers=-(-group.n_layers // parallelism.pp),
        window=None if window is None else gpu_context_len(window, parallelism),
    )


def _attentions(model: ModelConfig) -> list[AttentionConfig]:
    return [
        *(group.attention for group in model),
        *(cross.attention for cross in model.cross_attention),
    ]
