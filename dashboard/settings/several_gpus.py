"""Settings of the page about several GPUs: heads, workload, and the ranks that split them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from dashboard.settings.measurement import to_flags
from dashboard.settings.model import AttentionSettings
from dashboard.settings.splits import dcp_sizes, tp_sizes
from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig, ModelConfig
from gqa_core.records.header import DeviceInfo
from gqa_core.records.kinds import ShardedRecord
from gqa_core.records.specs.decode import decode_specs
from gqa_core.records.specs.sharded import ShardedSpec, sharded_specs
from gqa_core.theory.formats import DTYPE_FORMATS, DtypeName
from gqa_core.theory.parallelism import Parallelism

__all__ = [
    "SeveralGpusSettings",
    "dcp_options",
    "n_local_ranks",
    "name_variant",
    "tp_options",
]

START_S, SECONDS_PER_POINT = 15.0, 4.0  # torch is imported by every rank; samples that settle late
BYTES_PER_S = 10**8  # of all ranks' caches: filled once, then read in some hundred passes


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralGpusSettings(AttentionSettings):
    """Layers of `n_layers` each, split over `tp` GPUs, `dcp` of which share a sequence's tokens."""

    n_layers: int
    dtype: str
    tp: int
    dcp: int

    @property
    def parallelism(self) -> Parallelism:
        """The ranks of the formulas."""
        return Parallelism(tp=self.tp, dcp=self.dcp)

    @property
    def kv_format(self) -> str:
        """The number format of the cache, which is that of the dtype."""
        return DTYPE_FORMATS[self.dtype]

    @property
    def grouped_layer(self) -> GroupedConfig:
        """The layer of the page's K/V heads."""
        return GroupedConfig(
            n_heads=self.n_heads, n_kv_heads=self.n_kv_heads, head_dim=self.head_dim
        )

    @property
    def n_points(self) -> int:
        """The points that a run measures: every variant, MLA in both forms."""
        return len(self.variants) + 1

    @property
    def specs(self) -> list[ShardedSpec]:
        """The specs that a run measures: every variant, MLA in both forms."""
        layers = self.variants.values()
        decode = decode_specs(
            grouped=[layer for layer in layers if isinstance(layer, GroupedConfig)],
            latent=next(layer for layer in layers if isinstance(layer, LatentConfig)),
            context_lens=[self.context_len],
            batch_size=self.batch_size,
            n_layers=self.n_layers,
            dtype=cast(DtypeName, self.dtype),
        )
        return sharded_specs(decode, self.tp, self.dcp)

    @property
    def estimate_s(self) -> float:
        """About the seconds that a run takes."""
        n_bytes = sum(spec.formula_bytes for spec in self.specs)
        return START_S + SECONDS_PER_POINT * self.n_points + n_bytes / BYTES_PER_S

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` with which each rank measures all variants."""
        counts = tuple(sorted({self.n_heads, self.n_kv_heads, 1}, reverse=True))
        flags = to_flags(
            {
                "n-heads": self.n_heads,
                "n-kv-heads": counts,
                "head-dim": self.head_dim,
                "context-len": self.context_len,
                "batch-size": self.batch_size,
                "n-layers": self.n_layers,
                "dtype": self.dtype,
                "tp": self.tp,
                "dcp": self.dcp,
            }
        )
        return ("bench", *flags, "--mla")

    def on_ranks(self, most: int) -> SeveralGpusSettings:
        """These settings on at most `most` ranks: the largest tp and dcp that are no larger."""
        tp = max(tp for tp in tp_options(self) if tp <= min(most, self.tp))
        dcp = max(dcp for dcp in dcp_options(self, tp) if dcp <= self.dcp)
        return replace(self, tp=tp, dcp=dcp)

    def with_dcp(self, least: int) -> SeveralGpusSettings:
        """These settings with the smallest possible dcp of at least `least`, and of no less."""
        sizes = [dcp for dcp in dcp_options(self, self.tp) if dcp >= max(least, self.dcp)]
        return replace(self, dcp=min(sizes))

    def matches(self, record: ShardedRecord) -> bool:
        """True if a record was measured with these settings, on however many ranks."""
        workload = record.workload
        return (
            record.config in self.variants.values()
            and (workload.context_len, workload.batch_size) == (self.context_len, self.batch_size)
            and (workload.dtype, workload.n_layers) == (self.dtype, self.n_layers)
        )


def name_variant(attention: AttentionConfig) -> str:
    """The variant, of GQA with its K/V heads: "GQA-8"."""
    if isinstance(attention, GroupedConfig) and attention.variant == "GQA":
        return f"GQA-{attention.n_kv_heads}"
    return attention.variant


def tp_options(heads: AttentionSettings) -> list[int]:
    """The numbers of GPUs that can split the heads of every variant, ascending."""
    return tp_sizes(_models(heads), "ideal")


def dcp_options(heads: AttentionSettings, tp: int) -> list[int]:
    """The context parallel ranks that every variant can have among `tp` GPUs, ascending."""
    return sorted(
        set.intersection(*(set(dcp_sizes(model, "ideal", tp)) for model in _models(heads)))
    )


def n_local_ranks(info: DeviceInfo) -> int:
    """The most ranks that this device's machine runs side by side: its GPUs, or its cores."""
    if info.type == "cpu":
        return info.n_threads
    return max(1, sum(name.startswith(f"{info.type}:") for name in info.requestable))


def _models(heads: AttentionSettings) -> list[ModelConfig]:
    return [ModelConfig.uniform(layer, n_layers=1) for layer in heads.variants.values()]
