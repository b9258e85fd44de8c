"""The share of each of several GPUs in one layer, by formula: bytes kept and bytes sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.settings.several_gpus import SeveralGpusSettings, name_variant
from dashboard.settings.splits import dcp_sizes
from gqa_core.configs import AttentionConfig, ModelConfig, Workload
from gqa_core.theory.collectives import WireBytes, wire_bytes
from gqa_core.theory.formats import dtype_bytes
from gqa_core.theory.memory import kv_cache_bytes
from gqa_core.theory.parallelism import Parallelism, gpu_context_len, gpu_model, kv_copies

__all__ = ["GpuShare", "copies_by_dcp", "copies_by_tp", "gpu_shares", "smallest_dcp"]

Copies = Sequence[tuple[int, int]]  # ranks, and GPUs that keep the same byte with so many


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuShare:
    """The share of one GPU in a layer of a variant: the most that a GPU keeps, and what it sends.

    `wire` is for one step of the whole batch; `copies` are the GPUs that keep the same byte.
    """

    attention: AttentionConfig
    gpu_attention: AttentionConfig
    gpu_tokens: int
    kv_bytes: int
    n_gpus: int
    copies: int
    wire: WireBytes
    n_tokens_per_step: int

    @property
    def name(self) -> str:
        """The variant's name, with the K/V heads of GQA."""
        return name_variant(self.attention)

    @property
    def wire_bytes_per_token(self) -> float:
        """Bytes that a GPU sends per layer for one new token."""
        return self.wire.per_layer / self.n_tokens_per_step


def gpu_shares(settings: SeveralGpusSettings) -> list[GpuShare]:
    """The share of a GPU per variant, in the order of every page."""
    return [_share(settings, attention) for attention in settings.variants.values()]


def copies_by_tp(settings: SeveralGpusSettings, sizes: Sequence[int]) -> Mapping[str, Copies]:
    """Per variant, the copies of each byte on so many GPUs without context parallel ranks."""
    return {
        variant: [(tp, kv_copies(attention, Parallelism(tp=tp))) for tp in sizes]
        for variant, attention in settings.variants.items()
    }


def copies_by_dcp(settings: SeveralGpusSettings) -> Mapping[str, Copies]:
    """Per variant, the copies of each byte on `settings.tp` GPUs with each possible dcp."""
    return {
        variant: [
            (dcp, kv_copies(attention, Parallelism(tp=settings.tp, dcp=dcp)))
            for dcp in _dcp_sizes(attention, settings.tp)
        ]
        for variant, attention in settings.variants.items()
    }


def smallest_dcp(attention: AttentionConfig, tp: int) -> int:
    """The fewest context parallel ranks among `tp` GPUs that leave one copy of each byte."""
    return next(
        dcp
        for dcp in _dcp_sizes(attention, tp)
        if kv_copies(attention, Parallelism(tp=tp, dcp=dcp)) == 1
    )


def _share(settings: SeveralGpusSettings, attention: AttentionConfig) -> GpuShare:
    parallelism = settings.parallelism
    model = gpu_model(ModelConfig.uniform(attention, n_layers=1), parallelism)
    n_tokens = gpu_context_len(settings.context_len, parallelism)
    workload = Workload(context_len=n_tokens, batch_size=settings.batch_size)
    return GpuShare(
        attention=attention,
        gpu_attention=model.layer_groups[0].attention,
        gpu_tokens=n_tokens,
        kv_bytes=kv_cache_bytes(model, workload, settings.kv_format),
        n_gpus=settings.tp,
        copies=kv_copies(attention, parallelism),
        wire=wire_bytes(attention, parallelism, settings.batch_size, dtype_bytes(settings.dtype)),
        n_tokens_per_step=settings.batch_size,
    )


def _dcp_sizes(attention: AttentionConfig, tp: int) -> list[int]:
    return dcp_sizes(ModelConfig.uniform(attention, n_layers=1), "ideal", tp)
