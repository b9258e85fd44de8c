"""The size of the cache of the model that a config describes, with what the figure rests on."""

from __future__ import annotations

from typing import Any

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.hf_config.read import AlikeLayers, ReadConfig
from gqa_core.theory.memory import (
    kv_cache_bytes_as_allocated,
    layer_bytes_per_token,
    reduction_vs_mha,
)
from gqa_core.theory.size import size_record


def config_record(config: ReadConfig, workload: Workload, kv_format: str) -> dict[str, Any]:
    """The size of this model's cache, its layers, and what was used, assumed, and left out.

    Raises:
        ValueError: the format is not known or not for these layers.
    """
    size = size_record(config.model, config.attention, workload, kv_format)
    return size | {
        "n_layers": config.n_layers,
        "kv_cache_bytes_as_allocated": kv_cache_bytes_as_allocated(
            config.model, workload, kv_format
        ),
        "layers": [_layers(alike, kv_format) for alike in config.layers],
        "max_context_len": config.max_context_len,
        "used_keys": list(config.used_keys),
        "assumptions": list(config.assumptions_at(workload.context_len)),
        "ignored_keys": list(config.ignored_keys),
        "not_counted": list(config.not_counted),
    }


def _layers(alike: AlikeLayers, kv_format: str) -> dict[str, Any]:
    told: dict[str, Any] = {"count": alike.count, "kind": alike.kind, "window": alike.window}
    attention = alike.attention
    if attention is None:
        return told | {"kv_bytes_per_token": 0}
    told |= {"variant": attention.variant, "n_heads": attention.n_heads}
    names = ("n_kv_heads", "head_dim", "v_head_dim")
    if not isinstance(attention, GroupedConfig):
        names = ("kv_lora_rank", "qk_rope_head_dim")
    return (
        told
        | {name: getattr(attention, name) for name in names}
        | {
            "kv_bytes_per_token": alike.count * layer_bytes_per_token(attention, kv_format),
            "reduction_vs_mha": reduction_vs_mha(attention),
        }
    )
