"""Settings of the page about several GPUs: heads, workload, and the ranks that split them."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.settings.model import AttentionSettings
from dashboard.settings.splits import tp_sizes
from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig
from gqa_core.theory.formats import DTYPE_FORMATS
from gqa_core.theory.parallelism import Parallelism

__all__ = ["SeveralGpusSettings", "name_variant", "ranks_options"]


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


def name_variant(attention: AttentionConfig) -> str:
    """The variant, of GQA with its K/V heads: "GQA-8"."""
    if isinstance(attention, GroupedConfig) and attention.variant == "GQA":
        return f"GQA-{attention.n_kv_heads}"
    return attention.variant


def ranks_options(heads: AttentionSettings) -> list[int]:
    """The numbers of GPUs that can split the heads of every variant, ascending."""
    models = (ModelConfig.uniform(layer, n_layers=1) for layer in heads.variants.values())
    return tp_sizes(models, "ideal")
