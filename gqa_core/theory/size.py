"""The answer to "how large is this cache", as one record: what `size` prints and pages show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gqa_core.configs import AttentionConfig, ModelConfig, Workload
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_cache_bytes,
    kv_read_bytes,
    reduction_vs_mha,
)
from gqa_core.theory.sharding import shard_model

MOST_BYTES = 2**63


def size_record(
    model: ModelConfig, attention: AttentionConfig | None, workload: Workload, kv_format: str
) -> dict[str, Any]:
    """Bytes per token, in all, and read by a step, and how many times less than MHA that is.

    `attention` is the layer that all layers are like; None where they differ, and then there is no
    one variant and no one reduction.

    Raises:
        ValueError: the format is not known or not for these layers.
    """
    return {
        "variant": attention.variant if attention else None,
        "n_layers": model.n_layers,
        "kv_bytes_per_token": kv_bytes_per_token(model, kv_format),
        "kv_cache_bytes": kv_cache_bytes(model, workload, kv_format),
        "kv_read_bytes": kv_read_bytes(model, workload, kv_format),
        "reduction_vs_mha": reduction_vs_mha(attention) if attention else None,
    }


def gpu_record(model: ModelConfig, workload: Workload, kv_format: str, tp: int) -> dict[str, Any]:
    """Bytes on each of `tp` GPUs, and on all of them: more than the cache where they keep copies.

    Raises:
        ValueError: as `size_record`, or tp cannot split the layers.
    """
    alone = shard_model(model, tp)
    per_gpu = kv_cache_bytes(alone, workload, kv_format)
    return {
        "tp": tp,
        "kv_bytes_per_token_per_gpu": kv_bytes_per_token(alone, kv_format),
        "kv_cache_bytes_per_gpu": per_gpu,
        "kv_cache_bytes_all_gpus": tp * per_gpu,
    }


def size_warnings(record: Mapping[str, Any]) -> list[str]:
    """What is beyond belief in a record of sizes, in sentences."""
    return [
        f"{name} is above 2^63: no machine holds that, so look at the numbers it comes from"
        for name, number in record.items()
        if "_bytes" in name and number > MOST_BYTES
    ]
