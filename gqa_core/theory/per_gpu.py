"""The cache of one GPU of a deployment: what it keeps, reads and sends.

The GPU is one of the pipeline stage with most layers, and of the data-parallel rank with most
sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gqa_core.configs import ModelConfig, Workload
from gqa_core.theory.collectives import step_wire_bytes, wire_bytes
from gqa_core.theory.memory import (
    kv_bytes_per_token,
    kv_cache_bytes,
    kv_cache_bytes_as_allocated,
)
from gqa_core.theory.parallelism import Parallelism, gpu_context_len, gpu_model, max_kv_copies
from gqa_core.theory.parts import total_bytes

__all__ = ["PerGpuSize", "per_gpu_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerGpuSize:
    """Bytes on each of `n_gpus` GPUs, on all of them with copies, and on the wire of a step.

    Fields named `kv_` count K/V and latent alone; `total_bytes_per_gpu` is what a step reads.
    `kv_copies` are the GPUs that keep the same byte of them. `read_s_per_step` is the shortest time
    of a step: everything on the GPU is read once; None if its bandwidth is not given.
    """

    tp: int
    dp: int
    dcp: int
    pp: int
    n_gpus: int
    kv_copies: int
    sequences_per_gpu: int
    kv_bytes_per_token_per_gpu: int
    kv_cache_bytes_per_gpu: int
    kv_cache_bytes_as_allocated_per_gpu: int
    kv_cache_bytes_all_gpus: int
    total_bytes_per_gpu: int
    wire_bytes_per_layer: int
    wire_bytes_per_step: int
    read_s_per_step: float | None = None


def per_gpu_size(
    model: ModelConfig,
    workload: Workload,
    kv_format: str,
    parallelism: Parallelism,
    bandwidth_bytes_per_s: float | None = None,
) -> PerGpuSize:
    """The cache of one GPU, and of all of them.

    Raises:
        ValueError: the format is not known or not for these layers, or they cannot be split so.
    """
    part = gpu_model(model, parallelism)
    n_sequences = parallelism.sequences_per_rank(workload.batch_size)
    on_gpu = Workload(
        context_len=gpu_context_len(workload.context_len, parallelism), batch_size=n_sequences
    )
    sequence = Workload(context_len=on_gpu.context_len)
    batch_size = workload.batch_size
    on_gpu_bytes = total_bytes(part, on_gpu, kv_format)
    return PerGpuSize(
        tp=parallelism.tp,
        dp=parallelism.dp,
        dcp=parallelism.dcp,
        pp=parallelism.pp,
        n_gpus=parallelism.world,
        kv_copies=max_kv_copies(model, parallelism),
        sequences_per_gpu=n_sequences,
        kv_bytes_per_token_per_gpu=ceil(
            Fraction(kv_bytes_per_token(part, kv_format), parallelism.dcp)
        ),
        kv_cache_bytes_per_gpu=kv_cache_bytes(part, on_gpu, kv_format),
        kv_cache_bytes_as_allocated_per_gpu=kv_cache_bytes_as_allocated(part, on_gpu, kv_format),
        kv_cache_bytes_all_gpus=parallelism.tp
        * parallelism.pp
        * batch_size
        * kv_cache_bytes(part, sequence, kv_format),
        total_bytes_per_gpu=on_gpu_bytes,
        wire_bytes_per_layer=max(
            (wire_bytes(group.attention, parallelism, batch_size).per_layer for group in model),
            default=0,
        ),
        wire_bytes_per_step=step_wire_bytes(model, parallelism, batch_size),
        read_s_per_step=on_gpu_bytes / bandwidth_bytes_per_s if bandwidth_bytes_per_s else None,
    )
