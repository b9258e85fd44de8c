"""Estimates a model's parameters from its config, by what they belong to, to size its weights.

A config does not state the number, but implies the matrices. Counted: embeddings, attention
projections, feed-forward layers, experts and routers, layers that keep a state. Not counted: norms,
biases, encoders of images and sound, and next-token layers. A model with layers of a kind that is
not known here gets no estimate rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gqa_core.configs import (
    MAX_DIM,
    MAX_LAYERS,
    MAX_RANK,
    AttentionConfig,
    LatentConfig,
    ModelConfig,
)
from gqa_core.hf_config.feed_forward import feed_forward_layers
from gqa_core.hf_config.heads import HIDDEN_SIZE
from gqa_core.hf_config.kinds import FEED_FORWARD, KEEP_STATE, RECURRENT, SHARED, LayerKind
from gqa_core.hf_config.mixers import mixer_params
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.theory.cost import projection_parameters

__all__ = ["ModuleKind", "ParameterCounts", "count_parameters"]

MAX_VOCABULARY = 2**24
TIED_BY_DEFAULT = {"cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3", "gemma3n", "gemma4"}
TIED_BY_DEFAULT |= {"gpt2", "gpt_bigcode", "starcoder2", "vaultgemma"}
UNTIED_BY_DEFAULT = {"dbrx", "deepseek_v2", "deepseek_v3", "deepseek_v32", "falcon_h1", "glm4"}
UNTIED_BY_DEFAULT |= {"glm4_moe", "gpt_oss", "kimi_k2", "llama", "llama4", "mistral", "mixtral"}
UNTIED_BY_DEFAULT |= {"nemotron_h", "olmo2", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"}
UNTIED_BY_DEFAULT |= {"qwen3_5", "qwen3_5_moe", "qwen3_next"}
VOCABULARIES = {"gemma": 256_000, "gemma2": 256_000, "gemma3": 262_208}  # where the key is absent
LEARNED_POSITIONS = {"gpt2", "gpt_bigcode"}
LOW_RANK_KEYS = ("lora_rank", "o_lora_rank", "attention_hidden_size")  # projections not known here

ModuleKind = Literal[
    "embedding", "head", "attention", "state", "dense", "experts", "shared expert", "router"
]


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """Parameters per kind of module and layer; embeddings and the head have no layer.

    With tied embeddings the head has none of its own. `vision` are those of an encoder of images.
    """

    embedding: int
    head: int
    layers: tuple[dict[ModuleKind, int], ...]
    vision: int = 0

    @property
    def total(self) -> int:
        """All parameters of the text model."""
        return self.embedding + self.head + sum(sum(layer.values()) for layer in self.layers)


def count_parameters(
    reader: ConfigReader, top: ConfigReader, model: ModelConfig, kinds: Sequence[LayerKind]
) -> ParameterCounts | None:
    """The parameters of a model, or None if the config leaves a part of them open.

    `top` is the whole config, `reader` its text model. Keys read here do not count as used, since
    no size of a cache depends on them.
    """
    unrecorded = ConfigReader(reader.values)
    try:
        return _counts(unrecorded, ConfigReader(top.values), model, kinds)
    except ValueError:
        return None


def _counts(
    reader: ConfigReader, top: ConfigReader, model: ModelConfig, kinds: Sequence[LayerKind]
) -> ParameterCounts:
    hidden_size = reader.required_integer(*HIDDEN_SIZE, most=MAX_DIM)
    family = model.family
    vocabulary = reader.integer("vocab_size", most=MAX_VOCABULARY) or VOCABULARIES.get(family)
    if vocabulary is None:
        raise ValueError("vocab_size must be given: got no such key")
    if SHARED in kinds or model.cross_attention or any(map(reader.has, LOW_RANK_KEYS)):
        raise ValueError("layers of this kind are not estimated")
    feed_forward = feed_forward_layers(reader, kinds, hidden_size, family)
    attention = _attention_layers(reader, model, kinds, hidden_size)
    layers: list[dict[ModuleKind, int]] = [
        {
            "attention": attention[i],
            "state": _state_params(reader, kind, hidden_size),
            "dense": feed_forward[i].dense,
            "experts": feed_forward[i].experts,
            "shared expert": feed_forward[i].shared,
            "router": feed_forward[i].router,
        }
        for i, kind in enumerate(kinds)
    ]
    positions = 0
    if family in LEARNED_POSITIONS:
        positions = reader.required_integer("n_positions", most=MAX_VOCABULARY) * hidden_size
    embedding = vocabulary * hidden_size
    head = 0 if _is_tied(reader, top, family) else embedding
    return ParameterCounts(
        embedding=embedding + positions,
        head=head,
        layers=tuple(layers),
        vision=_vision_params(top),
    )


def _vision_params(top: ConfigReader) -> int:
    """Matrices of an image encoder's layers, 0 if there is none or its sizes are not stated."""
    reader = top.nested("vision_config")
    if reader is None:
        return 0
    width = reader.integer("hidden_size", "embed_dim", most=MAX_DIM)
    inner = reader.integer("intermediate_size", most=MAX_DIM)
    n_layers = reader.integer("num_hidden_layers", "depth", most=MAX_LAYERS)
    if not (width and inner and n_layers):
        return 0
    return n_layers * (4 * width * width + 2 * width * inner)


def _is_tied(reader: ConfigReader, top: ConfigReader, family: str) -> bool:
    """True if the head shares the embeddings' matrix.

    Raises:
        ValueError: neither the config nor the family says.
    """
    for part in (top, reader):  # what the whole model states holds
        if (is_tied := part.flag("tie_word_embeddings")) is not None:
            return is_tied
    if family in TIED_BY_DEFAULT | UNTIED_BY_DEFAULT:
        return family in TIED_BY_DEFAULT
    raise ValueError("tie_word_embeddings must be given: got no such key")


def _attention_layers(
    reader: ConfigReader, model: ModelConfig, kinds: Sequence[LayerKind], hidden_size: int
) -> list[int]:
    """Attention parameters per layer; layers of one model that differ are taken at their mean."""
    total = sum(_attention_params(reader, model, hidden_size))
    n_layers = model.n_caching_layers
    cacheless = (*RECURRENT, FEED_FORWARD)
    counts = [0 if kind in cacheless else total // n_layers for kind in kinds]
    if sum(count > 0 for count in counts) != n_layers:
        raise ValueError("layers with several attentions are not estimated")
    return counts


def _attention_params(reader: ConfigReader, model: ModelConfig, hidden_size: int) -> Iterator[int]:
    """Parameters of all layers of each group."""
    has_gate = bool(reader.flag("attn_output_gate")) or model.family == "qwen3_next"
    shares_key = bool(reader.flag("attention_k_eq_v"))
    for group in model:
        if group.caches_per_layer > 1:
            raise ValueError("layers with several attentions are not estimated")
        attention = _with_model_width(reader, group.attention, hidden_size)
        params = projection_parameters(attention)
        if has_gate:
            params += hidden_size * attention.n_heads * attention.v_head_dim
        if shares_key and group.window is None and not isinstance(attention, LatentConfig):
            params -= hidden_size * attention.n_kv_heads * attention.v_head_dim
        yield group.n_layers * params


def _with_model_width(
    reader: ConfigReader, attention: AttentionConfig, hidden_size: int
) -> AttentionConfig:
    """The layer with the numbers that matter to its projections but not to its cache."""
    if isinstance(attention, LatentConfig):
        q_lora_rank = reader.integer("q_lora_rank", most=MAX_RANK)
        return replace(attention, dim=hidden_size, q_lora_rank=q_lora_rank)
    return replace(attention, dim=hidden_size)


def _state_params(reader: ConfigReader, kind: LayerKind, hidden_size: int) -> int:
    """Parameters of a layer's state-keeping part, 0 without one."""
    return mixer_params(reader, kind, hidden_size) if kind in KEEP_STATE else 0
