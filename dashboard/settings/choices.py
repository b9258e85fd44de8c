"""What the sliders of a page say, as frozen numbers, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from dashboard.settings.layouts import main_attention, models_by_variant
from dashboard.settings.variants import variants
from gqa_core.configs import AttentionConfig, GroupedConfig, ModelConfig, Workload
from gqa_core.records.record import Record
from gqa_core.records.specs.quality import QualitySpec, quality_specs
from gqa_core.records.specs.training import TrainingConfig, divisors
from gqa_core.theory.memory import kv_cache_bytes, kv_cache_bytes_as_allocated
from gqa_core.theory.sharding import shard_model


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSettings:
    """Geometry and workload that every page has."""

    n_heads: int
    n_kv_heads: int
    head_dim: int
    context_len: int
    batch_size: int

    @property
    def variants(self) -> Mapping[str, AttentionConfig]:
        """The layers to compare, by variant."""
        return variants(self.n_heads, self.n_kv_heads, self.head_dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings(AttentionSettings):
    """A model whose cache is computed; `n_layers` are the model's, cacheless ones too.

    `base_model` is the model that the sliders were set from. Without one, all layers are alike and
    see the whole context.
    """

    n_layers: int
    kv_format: str
    base_model: ModelConfig | None = None

    @property
    def models(self) -> Mapping[str, ModelConfig]:
        """What all layers cache, by variant."""
        return _models(self.base_model, self.n_heads, self.n_kv_heads, self.head_dim, self.n_layers)

    @property
    def variants(self) -> Mapping[str, AttentionConfig]:
        """The layer that stands for each variant's model."""
        return {name: main_attention(model) for name, model in self.models.items()}

    @property
    def windowed(self) -> bool:
        """Whether some layers see less than the whole context."""
        return self.models["MHA"].has_window_layers

    def workload(self, context_len: int) -> Workload:
        """This batch at a context."""
        return Workload(context_len=context_len, batch_size=self.batch_size)

    def cache_bytes(self, variant: str, context_len: int) -> int:
        """Bytes of this variant's cache; a window layer keeps its window's tokens and no more."""
        return kv_cache_bytes(self.models[variant], self.workload(context_len), self.kv_format)

    def allocated_bytes(self, variant: str, context_len: int) -> int:
        """Bytes of it where every caching layer gets room for the whole context."""
        workload = self.workload(context_len)
        return kv_cache_bytes_as_allocated(self.models[variant], workload, self.kv_format)

    def bytes_per_gpu(self, variant: str, tp: int) -> int:
        """Bytes of that cache on each of `tp` GPUs, at the sliders' context."""
        alone = shard_model(self.models[variant], tp)
        return kv_cache_bytes(alone, self.workload(self.context_len), self.kv_format)

    def reduction_vs_mha(self, variant: str) -> float:
        """How many times fewer elements than MHA it caches, at the sliders' context."""
        workload, two_bytes_each = self.workload(self.context_len), "bf16"
        mha, own = (
            kv_cache_bytes(self.models[name], workload, two_bytes_each) for name in ("MHA", variant)
        )
        return mha / own

    def tokens_cached(self, attention: AttentionConfig) -> int:
        """Tokens that the layers like this one keep, summed over them and the batch."""
        return self.batch_size * sum(
            run.n_layers * run.cached_tokens(self.context_len)
            for run in self.models[attention.variant]
            if run.attention == attention
        )


@lru_cache(maxsize=64)
def _models(
    base_model: ModelConfig | None, n_heads: int, n_kv_heads: int, head_dim: int, n_layers: int
) -> Mapping[str, ModelConfig]:
    """Kept, since one drawing of a page asks for it a hundred times."""
    if base_model:
        return MappingProxyType(
            models_by_variant(base_model, n_heads, n_kv_heads, head_dim, n_layers)
        )
    layers = variants(n_heads, n_kv_heads, head_dim)
    models = {name: ModelConfig.uniform(layer, n_layers) for name, layer in layers.items()}
    return MappingProxyType(models)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSettings(AttentionSettings):
    """A measurement; `n_layers` are the layers really allocated and walked through."""

    n_layers: int
    dtype: str
    kernel: str

    @property
    def context_lens(self) -> tuple[int, ...]:
        """The contexts one run measures: the slider's, a quarter and a sixteenth of it."""
        return tuple(sorted({max(self.context_len // part, 1) for part in (16, 4, 1)}))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure all rows."""
        counts = tuple(sorted({self.n_heads, self.n_kv_heads, 1}, reverse=True))
        return ("bench", *self._typed(counts, {"context-len": self.context_lens}), "--mla")

    @property
    def search_arguments(self) -> tuple[str, ...]:
        """Those that search up to the slider's context for where each variant beats MHA."""
        counts = tuple(sorted({self.n_kv_heads, 1}, reverse=True))
        return ("crossover", *self._typed(counts, {"max-context-len": self.context_len}), "--mla")

    def _typed(
        self, n_kv_heads: tuple[int, ...], contexts: Mapping[str, int | tuple[int, ...]]
    ) -> list[str]:
        flags = {
            "n-heads": self.n_heads,
            "n-kv-heads": n_kv_heads,
            "head-dim": self.head_dim,
            **contexts,
            "batch-size": self.batch_size,
            "n-layers": self.n_layers,
            "dtype": self.dtype,
            "kernel": self.kernel,
        }
        return _typed(flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings(AttentionSettings):
    """Comparisons of what must be equal; `planted` reads shared heads in the wrong order."""

    dtype: str
    planted: bool

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that make all comparisons."""
        flags = {
            "n-heads": self.n_heads,
            "n-kv-heads": self.n_kv_heads,
            "head-dim": self.head_dim,
            "context-len": self.context_len,
            "batch-size": self.batch_size,
            "dtype": self.dtype,
        }
        return ("check", *_typed(flags), *["--plant-wrong-head-order"] * self.planted)

    def is_of(self, record: Record) -> bool:
        """Whether a record was made with these numbers."""
        config, workload = record["config"], record["workload"]
        mine = (self.n_heads, self.n_kv_heads, self.head_dim, self.context_len, self.batch_size)
        theirs = tuple(config[name] for name in ("n_heads", "n_kv_heads", "head_dim"))
        theirs += (workload["context_len"], workload["batch_size"])
        same_way = (workload["dtype"], record["planted"]) == (self.dtype, self.planted)
        return mine == theirs and same_way


PERCENTS = (0, 1, 2, 5, 10, 20)  # of the training's steps
LENGTHS = tuple(sorted(part * 2**power for part in (2, 3) for power in range(1, 13)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    """A small model that generates with and without a cache; every head has its own K and V."""

    n_heads: int
    head_dim: int
    n_layers: int
    context_len: int

    @property
    def attention(self) -> GroupedConfig:
        """One layer of it."""
        return GroupedConfig(n_heads=self.n_heads, n_kv_heads=self.n_heads, head_dim=self.head_dim)

    @property
    def context_lens(self) -> tuple[int, ...]:
        """Two lengths a doubling, from a twelfth of the longest on: both ways are timed there."""
        longest = self.context_len
        return tuple(length for length in LENGTHS if longest <= 12 * length <= 12 * longest)

    @property
    def cached_context_lens(self) -> tuple[int, ...]:
        """Longer ones, up to 16/3 of it, for the cache alone, where a step is short."""
        longest = self.context_len
        return tuple(length for length in LENGTHS if 3 * longest < 3 * length <= 16 * longest)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure this."""
        flags = {
            "n-heads": self.n_heads,
            "head-dim": self.head_dim,
            "n-layers": self.n_layers,
            "context-len": self.context_lens,
            "cached-context-len": self.cached_context_lens,
        }
        return ("why", *_typed(flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySettings:
    """A conversion of the shipped small model to fewer K/V heads, and its uptraining."""

    pooling: str
    seed: int
    percent: int

    @property
    def percents(self) -> tuple[int, ...]:
        """When the loss is taken: before any step, on the way, and at the end."""
        return tuple(percent for percent in PERCENTS if percent <= self.percent)

    @property
    def points(self) -> list[QualitySpec]:
        """What is measured: every number of K/V heads, MHA too."""
        training_config = TrainingConfig()
        return quality_specs(
            starts=[self.pooling],
            n_kv_heads=divisors(training_config.n_heads),
            seeds=[self.seed],
            percents=self.percents,
            training_config=training_config,
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `python -m gqa_core` that measure this."""
        flags = {
            "start": self.pooling,
            "n-kv-heads": tuple(point.n_kv_heads for point in self.points),
            "percent": self.percents,
            "seed": self.seed,
        }
        return ("quality", *_typed(flags))


def _typed(flags: Mapping[str, int | str | tuple[int, ...]]) -> list[str]:
    """Flags as a user types them, several numbers with commas between them."""
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in flags.items()
    }
    return [part for name, text in texts.items() for part in (f"--{name}", text)]
