"""How many parameters a model has, estimated from its config: what its weights will take.

A config does not say it; the matrices it implies do. Counted are embeddings, the projections of
attention, and feed-forward layers, dense or of experts; norms, biases and routers' small change are
not. Where a layer is of another kind than these, no estimate is given rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gqa_core.configs import MAX_DIM, MAX_LAYERS, MAX_RANK, AttentionConfig, LatentConfig
from gqa_core.hf_config.heads import HIDDEN_SIZE
from gqa_core.hf_config.keys import Keys
from gqa_core.theory.cost import projection_parameters

MAX_VOCABULARY = 2**24
MAX_EXPERTS = 2**16
PLAIN_ACTIVATIONS = ("gelu", "gelu_new", "gelu_fast", "relu", "relu2")  # two matrices, not three
INTERMEDIATE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
OTHER_LAYERS = {  # layers unlike the rest, in ways not counted here; 0, 1 and nothing say of none
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
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
SHARED_EXPERTS = ("n_shared_experts", "num_shared_experts", "num_shared_expert")
ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function")


def estimated_params(keys: Keys, layers: Mapping[AttentionConfig, int]) -> int | None:
    """Parameters in all; None where the config leaves a part open, or has one not known here.

    `layers` counts the layers by their attention. The keys asked for here do not count as used.
    """
    alone = Keys(keys.values)
    if any(keys.values.get(name) not in (None, 0, 1, "", [], {}) for name in OTHER_LAYERS):
        return None
    try:
        hidden = alone.required(*HIDDEN_SIZE, most=MAX_DIM)
        vocabulary = alone.required("vocab_size", most=MAX_VOCABULARY)
        tied = alone.flag("tie_word_embeddings")
        if tied is None:
            return None
        attention = sum(
            count * projection_parameters(_as_projected(alone, one, hidden))
            for one, count in layers.items()
        )
        feed_forward = _feed_forward(alone, hidden, sum(layers.values()))
    except ValueError:
        return None
    return vocabulary * hidden * (1 if tied else 2) + attention + feed_forward


def _as_projected(keys: Keys, attention: AttentionConfig, hidden: int) -> AttentionConfig:
    """The layer with what only its projections depend on."""
    if isinstance(attention, LatentConfig):
        rank = keys.integer("q_lora_rank", most=MAX_RANK)
        return replace(attention, dim=hidden, q_lora_rank=rank)
    return replace(attention, dim=hidden)


def _feed_forward(keys: Keys, hidden: int, n_layers: int) -> int:
    activation = next((keys.text(name) for name in ACTIVATIONS if keys.has(name)), None)
    matrices = 2 if activation in PLAIN_ACTIVATIONS else 3
    width = keys.required(*INTERMEDIATE, most=MAX_DIM)
    n_experts = keys.integer(*EXPERTS, most=MAX_EXPERTS, least=0)
    if not n_experts:
        return n_layers * matrices * hidden * width
    expert = keys.integer("moe_intermediate_size", most=MAX_DIM) or width
    n_dense = keys.integer("first_k_dense_replace", most=MAX_LAYERS, least=0) or 0
    shared = keys.integer(*SHARED_EXPERTS, most=MAX_EXPERTS, least=0) or 0
    moe = (n_experts + shared) * 3 * hidden * expert + hidden * n_experts
    return n_dense * matrices * hidden * width + (n_layers - n_dense) * moe
