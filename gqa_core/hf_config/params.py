"""Estimates a model's number of parameters from its config, to size its weights.

A config does not state the number, but implies the matrices. Counted: embeddings, attention
projections and feed-forward layers, dense or of experts. Not counted: norms, biases and routers
beyond their one matrix. A model with layers of a kind that is not known here gets no estimate
rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gqa_core.configs import MAX_DIM, MAX_LAYERS, MAX_RANK, AttentionConfig, LatentConfig
from gqa_core.hf_config.heads import HIDDEN_SIZE
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.theory.cost import projection_parameters

__all__ = ["estimated_params"]

MAX_VOCABULARY = 2**24
MAX_EXPERTS = 2**16
UNGATED_ACTIVATIONS = ("gelu", "gelu_new", "gelu_fast", "relu", "relu2")  # 2 matrices, not 3
INTERMEDIATE_SIZE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
NOT_ESTIMATED = {  # keys of feed-forward layers that differ from layer to layer
    "decoder_sparse_step",
    "dense_list",
    "expert_layer_period",
    "hidden_size_per_layer_input",
    "interleave_moe_layer_step",
    "mlp_layer_types",
    "mlp_only_layers",
    "moe_latent_size",
    "moe_layer_freq",
    "moe_layer_interval",
    "moe_layers",
    "moe_layers_enum",
    "moe_shared_expert_intermediate_size",
    "num_dense_layers",
    "shared_expert_intermediate_size",
    "shared_intermediate_size",
}
N_EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
N_SHARED_EXPERTS = ("n_shared_experts", "num_shared_experts", "num_shared_expert")
ACTIVATION = ("hidden_act", "hidden_activation", "activation_function")


def estimated_params(reader: ConfigReader, layers: Mapping[AttentionConfig, int]) -> int | None:
    """Parameters of the whole model, or None if the config leaves a part of them open.

    `layers` maps each attention config to its number of layers. Keys read here do not count as
    used, since no size of a cache depends on them.
    """
    if any(reader.values.get(name) not in (None, 0, 1, "", [], {}) for name in NOT_ESTIMATED):
        return None
    unrecorded = ConfigReader(reader.values)
    try:
        hidden_size = unrecorded.required_integer(*HIDDEN_SIZE, most=MAX_DIM)
        vocabulary = unrecorded.required_integer("vocab_size", most=MAX_VOCABULARY)
        is_tied = unrecorded.flag("tie_word_embeddings")
        if is_tied is None:
            return None
        attention_params = sum(
            n_layers * projection_parameters(_with_model_width(unrecorded, attention, hidden_size))
            for attention, n_layers in layers.items()
        )
        feed_forward = _feed_forward_params(unrecorded, hidden_size, sum(layers.values()))
    except ValueError:
        return None
    return vocabulary * hidden_size * (1 if is_tied else 2) + attention_params + feed_forward


def _with_model_width(
    reader: ConfigReader, attention: AttentionConfig, hidden_size: int
) -> AttentionConfig:
    """The layer with the numbers that matter to its projections but not to its cache."""
    if isinstance(attention, LatentConfig):
        q_lora_rank = reader.integer("q_lora_rank", most=MAX_RANK)
        return replace(attention, dim=hidden_size, q_lora_rank=q_lora_rank)
    return replace(attention, dim=hidden_size)


def _feed_forward_params(reader: ConfigReader, hidden_size: int, n_layers: int) -> int:
    activation = next((reader.text(name) for name in ACTIVATION if reader.has(name)), None)
    n_matrices = 2 if activation in UNGATED_ACTIVATIONS else 3
    width = reader.required_integer(*INTERMEDIATE_SIZE, most=MAX_DIM)
    dense = n_matrices * hidden_size * width
    n_experts = reader.integer(*N_EXPERTS, most=MAX_EXPERTS, least=0)
    if not n_experts:
        return n_layers * dense
    expert_width = reader.integer("moe_intermediate_size", most=MAX_DIM) or width
    n_dense_layers = reader.integer("first_k_dense_replace", most=MAX_LAYERS, least=0) or 0
    n_shared = reader.integer(*N_SHARED_EXPERTS, most=MAX_EXPERTS, least=0) or 0
    router = hidden_size * n_experts
    moe = (n_experts + n_shared) * 3 * hidden_size * expert_width + router
    return n_dense_layers * dense + (n_layers - n_dense_layers) * moe
