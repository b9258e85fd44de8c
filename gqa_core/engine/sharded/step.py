"""A decode step that ranks share: the phases of a layer, with `gather` and `reduce` between them.

b batch, h query heads of the dcp group, v width of an output per head.

x is the same on all ranks. Each projects its own query heads and the K/V heads of its dcp group;
token i is stored by the rank i mod dcp of the group. `gather` collects the group's queries, all
ranks attend over their own tokens, `reduce` merges the outputs to each rank's own heads, and after
`output` adds up what all ranks contribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gqa_core.configs import GroupedConfig
from gqa_core.engine.kv_cache import KVCache
from gqa_core.engine.latent import LatentAttention
from gqa_core.engine.layer import AttentionLayer, Cache, PhaseHook, no_phase_hook
from gqa_core.engine.sharded.collectives import RankGroups

__all__ = ["SHARDED_PHASES", "attend_part", "sharded_decode_step"]

SHARDED_PHASES = ("project", "append", "gather", "attend", "output", "reduce")


def sharded_decode_step(
    layers: Sequence[AttentionLayer[Any, Any]],
    caches: Sequence[Cache | None],
    x: Tensor,
    position: int,
    groups: RankGroups,
    on_phase_end: PhaseHook = no_phase_hook,
) -> Tensor:
    """x (b, 1, dim), a token's at `position`, after all layers; the same on all ranks.

    The layers are this rank's parts; a cache is None where the rank keeps no token of the context.
    """
    for layer, cache in zip(layers, caches, strict=True):
        x = x + _layer_step(layer, cache, x, position, groups, on_phase_end)
    return x


def _layer_step(
    layer: AttentionLayer[Any, Any],
    cache: Cache | None,
    x: Tensor,
    position: int,
    groups: RankGroups,
    on_phase_end: PhaseHook,
) -> Tensor:
    q, new_kv = layer.project(x, position)
    on_phase_end("project")
    if position % groups.dcp == groups.dcp_rank:
        assert cache is not None, "the rank that stores the last token has a cache"
        cache.append(*new_kv)
    on_phase_end("append")
    q = _gather(q, groups)
    on_phase_end("gather")
    o, lse = attend_part(layer, q, cache, needs_lse=groups.dcp > 1)
    on_phase_end("attend")
    o = groups.merge_outputs(o, lse)
    on_phase_end("reduce")
    y = layer.output(o)
    on_phase_end("output")
    groups.add_up(y)
    on_phase_end("reduce")
    return y


def _gather(q: Any, groups: RankGroups) -> Any:
    """The query of the whole dcp group; the two parts of absorbed MLA travel as one tensor."""
    if groups.dcp == 1 or isinstance(q, Tensor):
        return groups.gather_heads(q)
    q_latent, q_rope = q
    widths = q_latent.shape[-1], q_rope.shape[-1]
    return groups.gather_heads(torch.cat((q_latent, q_rope), dim=-1)).split(widths, dim=-1)


def attend_part(
    layer: AttentionLayer[Any, Any], q: Any, cache: Cache | None, *, needs_lse: bool
) -> tuple[Tensor, Tensor]:
    """Output (b, h, 1, v) over this rank's tokens, and its log-sum-exp (b, h), float32.

    Without a token they are 0 and -inf. Unless `needs_lse`, the second is empty.
    """
    first = q if isinstance(q, Tensor) else q[0]
    if cache is None:
        o = first.new_zeros(*first.shape[:3], _output_width(layer))
        return o, first.new_full(first.shape[:2], float("-inf"), dtype=torch.float32)
    if not needs_lse:
        return layer.attend(q, cache), first.new_empty(0)
    if isinstance(cache, KVCache):
        return cache.attend_with_lse(q)
    assert isinstance(layer, LatentAttention), "no other layer has a LatentCache"
    return cache.attend_with_lse(*q, scale=layer.scale)


def _output_width(layer: AttentionLayer[Any, Any]) -> int:
    """Columns of an attended value: v_head_dim, or of absorbed MLA the latent's."""
    cached = layer.cached_config
    return cached.v_head_dim if isinstance(cached, GroupedConfig) else cached.kv_lora_rank
