"""A model as what its layers keep for every sequence that they generate.

Most layers keep keys and values, or a latent, of every token: of the whole context, or of the last
`window` tokens. Beside that a layer may keep the keys of a sparse indexer, a state of constant size
(convolution and recurrence), or the keys and values of an encoder's output. Layers that read the
cache of an earlier layer keep nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from gqa_core.configs.attention import (
    MAX_CONTEXT_LEN,
    MAX_DIM,
    MAX_HEAD_DIM,
    MAX_LAYERS,
    AttentionConfig,
    Variant,
    validate_int,
)

__all__ = [
    "CrossAttention",
    "IndexerKeys",
    "LayerGroup",
    "ModelConfig",
    "RecurrentState",
    "StateKind",
]

MAX_CACHES_PER_LAYER = 64
MAX_STATE_ELEMENTS = MAX_DIM * MAX_HEAD_DIM
StateKind = Literal["linear attention", "state-space", "convolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGroup:
    """`n_layers` identical layers; each token sees the last `window` tokens, None for all.

    A layer with two attentions has two `caches_per_layer`, and so has a layer that runs twice.

    Raises:
        ValueError: a number is out of bounds.
    """

    attention: AttentionConfig
    n_layers: int
    window: int | None = None
    caches_per_layer: int = 1

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("caches_per_layer", self.caches_per_layer, MAX_CACHES_PER_LAYER)
        if self.window is not None:
            validate_int("window", self.window, MAX_CONTEXT_LEN)

    @property
    def n_caches(self) -> int:
        """Caches of all layers together."""
        return self.n_layers * self.caches_per_layer

    def cached_tokens(self, context_len: int) -> int:
        """Tokens of a context that one cache of this group holds, per sequence."""
        return context_len if self.window is None else min(context_len, self.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexerKeys:
    """The keys of a sparse indexer: one vector of `head_dim` per token in `n_layers` layers.

    Raises:
        ValueError: a number is out of bounds.
    Source: DeepSeek-V3.2-Exp, inference/model.py, Indexer.
    """

    n_layers: int
    head_dim: int

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("head_dim", self.head_dim, MAX_HEAD_DIM)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentState:
    """The state that each of `n_layers` layers keeps per sequence, whatever its length.

    `conv_elements` are the last inputs of a convolution, `recurrent_elements` the state of the
    recurrence, each of its own number of bytes per element.

    Raises:
        ValueError: a number is out of bounds, or the state is empty.
    """

    kind: StateKind
    n_layers: int
    conv_elements: int = 0
    recurrent_elements: int = 0
    conv_element_bytes: int = 2
    recurrent_element_bytes: int = 4

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        for name in ("conv_elements", "recurrent_elements"):
            validate_int(name, getattr(self, name), MAX_STATE_ELEMENTS, least=0)
        for name in ("conv_element_bytes", "recurrent_element_bytes"):
            validate_int(name, getattr(self, name), 8)
        validate_int("elements of a state", self.conv_elements + self.recurrent_elements, 2**31)

    @property
    def layer_bytes(self) -> int:
        """Bytes of one layer's state, per sequence."""
        return (
            self.conv_elements * self.conv_element_bytes
            + self.recurrent_elements * self.recurrent_element_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossAttention:
    """K and V of an encoder's output, kept by `n_layers` decoder layers for each source token.

    `source_len` are the tokens of the source, those of the longest one where none is known.

    Raises:
        ValueError: a number is out of bounds.
    """

    attention: AttentionConfig
    n_layers: int
    source_len: int

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        validate_int("source_len", self.source_len, MAX_CONTEXT_LEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A model as groups of identical layers that cache tokens, and layers that cache none.

    The latter are linear attention, state space, or layers that read another layer's cache.
    `indexers`, `states` and `cross_attention` say what layers of either sort keep besides; their
    layers are not counted again. `family` is the `model_type` of its config if it came from one:
    engines have rules of their own for some; it does not count when models are compared.

    Raises:
        ValueError: no layer keeps anything, or there are too many layers.
    """

    layer_groups: tuple[LayerGroup, ...]
    n_cacheless_layers: int = 0
    indexers: tuple[IndexerKeys, ...] = ()
    states: tuple[RecurrentState, ...] = ()
    cross_attention: tuple[CrossAttention, ...] = ()
    family: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not (self.layer_groups or self.states):
            raise ValueError("a model must have a layer that caches tokens or a state: got none")
        validate_int("n_cacheless_layers", self.n_cacheless_layers, MAX_LAYERS, least=0)
        validate_int("n_layers", self.n_layers, MAX_LAYERS)

    def __iter__(self) -> Iterator[LayerGroup]:
        return iter(self.layer_groups)

    @classmethod
    def uniform(cls, attention: AttentionConfig, n_layers: int) -> ModelConfig:
        """A model whose layers are all alike and see the whole context."""
        return cls(layer_groups=(LayerGroup(attention=attention, n_layers=n_layers),))

    def map_attention(self, function: Callable[[AttentionConfig], AttentionConfig]) -> ModelConfig:
        """The model with `function` of each attention, that of cross-attention included."""
        return replace(
            self,
            layer_groups=tuple(
                replace(group, attention=function(group.attention)) for group in self
            ),
            cross_attention=tuple(
                replace(cross, attention=function(cross.attention))
                for cross in self.cross_attention
            ),
        )

    @property
    def n_layers(self) -> int:
        """All layers, those that cache nothing included."""
        return self.n_caching_layers + self.n_cacheless_layers

    @property
    def n_caching_layers(self) -> int:
        """Layers that cache tokens."""
        return sum(group.n_layers for group in self.layer_groups)

    @property
    def is_uniform(self) -> bool:
        """True if all layers are alike: one group, and no layers that cache nothing."""
        return len(self.layer_groups) == 1 and not self.n_cacheless_layers

    @property
    def has_window_layers(self) -> bool:
        """True if some layer sees less than the whole context."""
        return any(group.window is not None for group in self.layer_groups)

    @property
    def attention(self) -> AttentionConfig | None:
        """The attention of every caching layer, whatever its window; None if they differ."""
        configs = {group.attention for group in self.layer_groups}
        return configs.pop() if len(configs) == 1 else None

    @property
    def variant(self) -> Variant | None:
        """The variant of every caching layer, or None if they differ."""
        variants = {group.attention.variant for group in self.layer_groups}
        return variants.pop() if len(variants) == 1 else None
