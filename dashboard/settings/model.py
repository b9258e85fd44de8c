"""Settings of the pages that compute: a model and its workload, and the cache that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from dashboard.settings.layouts import models_by_variant, own_variant
from dashboard.settings.variants import variants
from gqa_core.configs import AttentionConfig, ModelConfig, Workload
from gqa_core.theory.kv_heads import main_attention
from gqa_core.theory.parts import MemoryPart, memory_parts, total_bytes, total_bytes_as_allocated
from gqa_core.theory.sharding import shard_model


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSettings:
    """Head geometry and workload, which nearly every page has."""

    n_heads: int
    n_kv_heads: int
    head_dim: int
    context_len: int
    batch_size: int

    @property
    def variants(self) -> Mapping[str, AttentionConfig]:
        """The attention layers to compare, by variant."""
        return variants(self.n_heads, self.n_kv_heads, self.head_dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings(AttentionSettings):
    """A model whose cache is computed; `n_layers` includes layers that cache nothing.

    `base_model` is the model that the sliders were set from. Without one, all layers are the same
    and attend to the whole context.
    """

    n_layers: int
    kv_format: str
    base_model: ModelConfig | None = None

    models: Mapping[str, ModelConfig] = field(init=False, repr=False, compare=False)
    """The model as each variant, by variant; without MLA if its widths lack the format."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", self._models())

    def _models(self) -> Mapping[str, ModelConfig]:
        family = self.base_model.family if self.base_model else ""
        models = _models(
            self.base_model, family, self.n_heads, self.n_kv_heads, self.head_dim, self.n_layers
        )
        if self.own_kind == "MLA" or is_storable(models["MLA"], self.kv_format):
            return models
        return {name: model for name, model in models.items() if name != "MLA"}

    @property
    def own_kind(self) -> str | None:
        """The variant of the model behind the sliders, None without one or without heads."""
        return own_variant(self.base_model) if self.base_model else None

    @property
    def variants(self) -> Mapping[str, AttentionConfig]:
        """The layer that represents each variant's model, that of the sliders if it has none."""
        return {
            name: main_attention(model)
            or variants(self.n_heads, self.n_kv_heads, self.head_dim)[name]
            for name, model in self.models.items()
        }

    @property
    def has_window_layers(self) -> bool:
        """True if some layers attend to a window rather than to the whole context."""
        return self.models["MHA"].has_window_layers

    def workload(self, context_len: int) -> Workload:
        """The workload of this batch size at `context_len`."""
        return Workload(context_len=context_len, batch_size=self.batch_size)

    def parts(self, variant: str) -> tuple[MemoryPart, ...]:
        """Everything that a variant's model keeps, as parts that add up to its bytes."""
        return memory_parts(self.models[variant], self.kv_format)

    @property
    def own_variant(self) -> str:
        """The variant that the model behind the sliders has; GQA, or what it is, without one."""
        return next(
            name for name in (self.own_kind, "GQA", "MQA", "MHA") if name and name in self.models
        )

    @property
    def keeps_more_than_a_cache(self) -> bool:
        """True if the model keeps states, indexer keys or a source beside K/V or latents."""
        model = self.base_model
        return bool(model and (model.indexers or model.states or model.cross_attention))

    @property
    def keeps_states_alone(self) -> bool:
        """True if no layer of the model behind the sliders has K/V heads or a latent."""
        model = self.base_model
        return bool(model and model.states and not model.layer_groups and not model.cross_attention)

    def cache_bytes(self, variant: str, context_len: int) -> int:
        """Bytes of all that a variant keeps; a window layer caches at most its window."""
        return total_bytes(self.models[variant], self.workload(context_len), self.kv_format)

    def allocated_bytes(self, variant: str, context_len: int) -> int:
        """Bytes of all that a variant keeps if every cache has slots for the whole context."""
        workload = self.workload(context_len)
        return total_bytes_as_allocated(self.models[variant], workload, self.kv_format)

    def bytes_per_gpu(self, variant: str, tp: int) -> int:
        """Bytes of all that a variant keeps on each of `tp` GPUs, at `self.context_len`."""
        per_rank = shard_model(self.models[variant], tp)
        return total_bytes(per_rank, self.workload(self.context_len), self.kv_format)

    def reduction_vs_mha(self, variant: str) -> float:
        """MHA's bytes divided by a variant's in a format of two bytes, at `self.context_len`."""
        workload, two_bytes_each = self.workload(self.context_len), "bf16"
        mha, own = (
            total_bytes(self.models[name], workload, two_bytes_each) for name in ("MHA", variant)
        )
        return mha / own

    def tokens_cached(self, attention: AttentionConfig) -> int:
        """Tokens in all caches with this attention, summed over layers and batch."""
        return self.batch_size * sum(
            group.n_caches * group.cached_tokens(self.context_len)
            for group in self.models[attention.variant]
            if group.attention == attention
        )


def storable_formats(settings: ModelSettings, kv_formats: Iterable[str]) -> tuple[str, ...]:
    """The formats that the heads of these settings can have; those of MLA if it is its own."""
    needed = [name for name in settings.models if name != "MLA" or settings.own_kind == "MLA"]
    models = [settings.models[name] for name in needed]
    return tuple(
        kv_format
        for kv_format in kv_formats
        if all(is_storable(model, kv_format) for model in models)
    )


@lru_cache(maxsize=1024)
def is_storable(model: ModelConfig, kv_format: str) -> bool:
    """True if all that a model keeps can be stored in this format."""
    try:
        memory_parts(model, kv_format)
    except ValueError:  # also of an indexer's or encoder's widths
        return False
    return True


@lru_cache(maxsize=64)
def _models(
    base_model: ModelConfig | None,
    family: str,
    n_heads: int,
    n_kv_heads: int,
    head_dim: int,
    n_layers: int,
) -> Mapping[str, ModelConfig]:
    """The model as each variant; cached, since pages make the same settings again and again.

    Models that differ in their family alone are equal, so it is an argument of its own.
    """
    if base_model:
        return MappingProxyType(
            models_by_variant(base_model, n_heads, n_kv_heads, head_dim, n_layers)
        )
    layers = variants(n_heads, n_kv_heads, head_dim)
    models = {name: ModelConfig.uniform(layer, n_layers) for name, layer in layers.items()}
    return MappingProxyType(models)
