"""One rank's part of a layer: the heads it projects, and those whose cache it keeps.

Query heads are split over all ranks: rows of wq, columns of wo. K/V heads are those of the rank's
dcp group, and the cache has the group's query heads, since every rank of a group attends for all of
them over its own tokens. Of MLA the latent's projections are whole on every rank; wkv_b has the
rank's own heads where it is absorbed into query and output, and those of the group where K and V
are expanded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gqa_core.configs import AttentionConfig
from gqa_core.engine.build import build_layer
from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.latent import AbsorbedLatentAttention, LatentAttention
from gqa_core.engine.layer import AttentionLayer
from gqa_core.theory.sharding import GpuShard, group_part

__all__ = ["build_shard", "keep_shard"]


def build_shard(
    config: AttentionConfig,
    kernel: str,
    shard: GpuShard,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> AttentionLayer[Any, Any]:
    """A rank's part of the layer that `build_layer` draws from the same seed."""
    return keep_shard(build_layer(config, kernel, dtype=dtype, device=device), shard)


def keep_shard(layer: AttentionLayer[Any, Any], shard: GpuShard) -> AttentionLayer[Any, Any]:
    """The layer itself, with a rank's part of its weights and the config of its cache alone."""
    assert isinstance(layer, GroupedAttention | LatentAttention)
    if isinstance(layer, GroupedAttention):
        parts = _grouped_parts(layer, shard)
    else:
        parts = _latent_parts(layer, shard)
    parts["wo"] = _columns(layer.wo, shard.query_heads, layer.config.v_head_dim)
    for name, weight in parts.items():
        getattr(layer, name).weight = nn.Parameter(weight.clone(), requires_grad=False)
    layer.config = group_part(layer.config, shard)
    return layer


def _grouped_parts(layer: GroupedAttention, shard: GpuShard) -> dict[str, Tensor]:
    """The weights of a grouped layer that a rank keeps, by name, but wo."""
    c = layer.config
    return {
        "wq": _rows(layer.wq, shard.query_heads, c.head_dim),
        "wk": _rows(layer.wk, shard.kv_heads, c.head_dim),
        "wv": _rows(layer.wv, shard.kv_heads, c.v_head_dim),
    }


def _latent_parts(layer: LatentAttention[Any, Any], shard: GpuShard) -> dict[str, Tensor]:
    """The weights of an MLA layer that a rank keeps a part of, by name, but wo."""
    c = layer.config
    query = "wq" if c.q_lora_rank is None else "wq_b"
    is_absorbed = isinstance(layer, AbsorbedLatentAttention)
    up_heads = shard.query_heads if is_absorbed else shard.group_heads
    return {
        query: _rows(getattr(layer, query), shard.query_heads, c.qk_head_dim),
        "wkv_b": _rows(layer.wkv_b, up_heads, c.qk_nope_head_dim + c.v_head_dim),
    }


def _rows(linear: nn.Linear, heads: range, width: int) -> Tensor:
    """The rows of these heads, each of `width` rows."""
    return linear.weight.detach()[heads.start * width : heads.stop * width]


def _columns(linear: nn.Linear, heads: range, width: int) -> Tensor:
    """The columns of these heads, each of `width` columns."""
    return linear.weight.detach()[:, heads.start * width : heads.stop * width]
