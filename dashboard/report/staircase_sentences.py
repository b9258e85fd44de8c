"""Sentences about the staircase from 400 GB to 3 GB."""

from __future__ import annotations

from dashboard.data.gpu_staircase import GpuStaircase
from dashboard.settings.model import ModelSettings
from gqa_core import units


def staircase_sentence(staircase: GpuStaircase) -> str:
    """The cache of each variant and the GPUs that it fills, in one sentence."""
    sizes = [
        f"{stair.variant} {stair.cache_bytes / units.GB:.3g} GB, {units.count(stair.n_gpus, 'GPU')}"
        for stair in staircase.stairs
    ]
    return f"The cache of {staircase.context_len:,} tokens: {'; '.join(sizes)}."


def staircase_caption(settings: ModelSettings) -> str:
    """The model, the context and the format at which the lecture's numbers hold."""
    return (
        f"One input of {settings.context_len:,} tokens, {settings.n_layers} layers, "
        f"{settings.n_heads} heads of {settings.head_dim}, {settings.kv_format}; "
        f"GQA with {settings.n_kv_heads} K/V heads. The cache alone: weights are not counted."
    )
