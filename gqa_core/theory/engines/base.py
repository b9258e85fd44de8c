"""An engine's rules of allocation: the hooks that differ, with those of an ideal engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    CrossAttention,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    validate_int,
)
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.parts import indexer_key_bytes

__all__ = [
    "DEFAULT_OPTIONS",
    "Engine",
    "EngineName",
    "EngineOptions",
    "MlaForm",
    "Rule",
    "expanded_model",
]

EngineName = Literal["ideal", "as-allocated", "vllm", "sglang", "llama.cpp", "transformers"]
MlaForm = Literal["latent", "expanded"]
MAX_BLOCK_SIZE = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of an engine in a sentence, and where it was read."""

    text: str
    source: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Options of engines that change what they allocate; None stands for the engine's default.

    `block_size` are tokens per page, `max_num_batched_tokens` those of one step of vLLM,
    `n_ubatch` those of one micro-batch of llama.cpp, `mla` the form in which MLA is cached.

    Raises:
        ValueError: a number is out of bounds.
    """

    block_size: int | None = None
    max_num_batched_tokens: int = 8192  # vLLM's default for its server on GPUs of 70 GB and more
    n_ubatch: int = 512
    mla: MlaForm | None = None

    def __post_init__(self) -> None:
        if self.block_size is not None:
            validate_int("block_size", self.block_size, MAX_BLOCK_SIZE)
        validate_int("max_num_batched_tokens", self.max_num_batched_tokens, MAX_CONTEXT_LEN)
        validate_int("n_ubatch", self.n_ubatch, MAX_CONTEXT_LEN)


DEFAULT_OPTIONS = EngineOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that keeps what must be kept and no more; others override its methods."""

    name: EngineName = "ideal"
    rules: tuple[Rule, ...] = ()
    default_mla: MlaForm = "latent"
    default_block_size: int = 1
    option_names: tuple[str, ...] = ()

    def validate(self, model: ModelConfig, parallelism: Parallelism) -> None:
        """Raise ValueError unless the engine can run this model so."""

    def cached_model(self, model: ModelConfig, mla: MlaForm) -> ModelConfig:
        """The model with its layers as the engine caches them."""
        return expanded_model(model) if mla == "expanded" else model

    def slots(self, group: LayerGroup, context_len: int, options: EngineOptions) -> int:
        """Token slots of one cache of a group, per sequence."""
        return group.cached_tokens(context_len)

    def indexer_key_bytes(self, head_dim: int, kv_format: str) -> int:
        """Bytes of one key of a sparse indexer."""
        return indexer_key_bytes(head_dim, kv_format)

    def state_layer_bytes(self, state: RecurrentState) -> int:
        """Bytes of one layer's state, per sequence."""
        return state.layer_bytes

    def part_bytes(
        self, model: ModelConfig, kv_format: str, context_len: int, options: EngineOptions
    ) -> Iterator[int]:
        """Allocated bytes per sequence of each part of `memory_parts`, in its order."""
        for group in model:
            per_token = group.n_caches * layer_bytes_per_token(group.attention, kv_format)
            yield per_token * self.slots(group, context_len, options)
        for keys in model.indexers:
            per_token = keys.n_layers * self.indexer_key_bytes(keys.head_dim, kv_format)
            yield per_token * self.page_tokens(context_len, options)
        for state in model.states:
            yield state.n_layers * self.state_layer_bytes(state)
        for cross in model.cross_attention:
            yield self._cross_bytes(cross, kv_format, options)

    def padding_bytes(
        self, model: ModelConfig, kv_format: str, context_len: int, options: EngineOptions
    ) -> int:
        """Bytes per sequence that belong to no part of the model."""
        return 0

    def page_tokens(self, n_tokens: int, options: EngineOptions) -> int:
        """Tokens rounded up to whole pages."""
        block_size = options.block_size or self.default_block_size
        return -(-n_tokens // block_size) * block_size

    def _cross_bytes(self, cross: CrossAttention, kv_format: str, options: EngineOptions) -> int:
        per_token = cross.n_layers * layer_bytes_per_token(cross.attention, kv_format)
        return per_token * self.page_tokens(cross.source_len, options)


def expanded_model(model: ModelConfig) -> ModelConfig:
    """The model with a K and a V per head in place of every latent."""
    return replace(
        model,
        layer_groups=tuple(
            replace(group, attention=group.attention.expanded)
            if isinstance(group.attention, LatentConfig)
            else group
            for group in model
        ),
    )
