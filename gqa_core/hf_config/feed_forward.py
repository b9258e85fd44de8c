"""Parameters of the feed-forward part of each layer: dense, experts, shared experts and routers.

Source: huggingface/transformers, modeling files of the named families.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import MAX_DIM, MAX_LAYERS
from gqa_core.hf_config.kinds import FEED_FORWARD, LayerKind
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.strict_json import describe_value

__all__ = ["LayerFeedForward", "feed_forward_layers"]

MAX_EXPERTS = 2**16
UNGATED_ACTIVATIONS = ("gelu", "gelu_new", "gelu_fast", "relu", "relu2")  # 2 matrices, not 3
UNGATED_FAMILIES = {"falcon", "gpt2", "gpt_bigcode", "gpt_neox", "phi", "starcoder2"}
UNGATED_FAMILIES |= {"apertus", "nemotron", "nemotron_h"}
FOUR_TIMES_FAMILIES = {"falcon", "gpt2", "gpt_bigcode"}  # the width is 4 hidden sizes by default
INTERMEDIATE_SIZE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
N_EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
N_SHARED_EXPERTS = ("n_shared_experts", "num_shared_experts", "num_shared_expert")
EXPERT_WIDTH = ("moe_intermediate_size", "expert_intermediate_size", "moe_ffn_hidden_size")
SHARED_WIDTH = (
    "moe_shared_expert_intermediate_size",
    "shared_expert_intermediate_size",
    "shared_intermediate_size",
)
ACTIVATION = ("hidden_act", "hidden_activation", "activation_function", "mlp_hidden_act")
NOT_ESTIMATED = {  # keys whose matrices are not known here
    "dense_list",
    "hidden_size_per_layer_input",
    "moe_latent_size",
    "moe_layer_interval",
    "moe_layers_enum",
    "use_double_wide_mlp",
    "zero_expert_num",
}
SPARSE = ("sparse", "moe")


@dataclass(frozen=True, slots=True)
class LayerFeedForward:
    """Parameters of one layer's feed-forward part, by what they belong to."""

    dense: int = 0
    experts: int = 0
    shared: int = 0
    router: int = 0


def feed_forward_layers(
    reader: ConfigReader, kinds: Sequence[LayerKind], hidden_size: int, family: str
) -> list[LayerFeedForward]:
    """The feed-forward part of every layer.

    Raises:
        ValueError: a key is missing, of another type, or of a kind that is not known here.
    """
    for name in NOT_ESTIMATED:
        if reader.values.get(name) not in (None, False, 0, 1, "", [], {}):
            raise ValueError(f"{reader.path}{name} is not estimated")
    n_matrices = _n_matrices(reader, family)
    inner = reader.nested("ffn_config") or reader  # DBRX
    n_experts = inner.integer(*N_EXPERTS, most=MAX_EXPERTS, least=0)
    dense = LayerFeedForward(
        dense=n_matrices * hidden_size * _dense_width(inner, hidden_size, family)
    )
    if not n_experts:
        return _place_feed_forward(reader, kinds, [dense] * len(kinds))
    moe = _moe_layer(inner, hidden_size, n_experts, n_matrices, family)
    if reader.values.get("enable_moe_block"):  # Gemma 4: experts beside the dense part
        moe = LayerFeedForward(dense.dense, moe.experts, moe.shared, moe.router)
    has_experts = _layers_with_experts(reader, len(kinds), family)
    return _place_feed_forward(reader, kinds, [moe if flag else dense for flag in has_experts])


def _n_matrices(reader: ConfigReader, family: str) -> int:
    activation = next((reader.text(name) for name in ACTIVATION if reader.has(name)), None)
    is_ungated = family in UNGATED_FAMILIES or activation in UNGATED_ACTIVATIONS
    return 2 if is_ungated else 3


def _dense_width(reader: ConfigReader, hidden_size: int, family: str) -> int:
    names = ("intermediate_size_mlp",) if family.startswith("llama4") else INTERMEDIATE_SIZE
    width = reader.integer(*names, most=MAX_DIM)
    if width is None and family in FOUR_TIMES_FAMILIES:
        return 4 * hidden_size
    if width is None and reader.has("moe_intermediate_size"):
        return 0  # no layer is dense
    return width if width is not None else reader.required_integer(*names, most=MAX_DIM)


def _moe_layer(
    reader: ConfigReader, hidden_size: int, n_experts: int, n_matrices: int, family: str
) -> LayerFeedForward:
    expert_width = reader.integer(*EXPERT_WIDTH, most=MAX_DIM)
    if expert_width is None:
        expert_width = reader.required_integer(*INTERMEDIATE_SIZE, most=MAX_DIM)
    shared_width = reader.integer(*SHARED_WIDTH, most=MAX_DIM, least=0)
    n_shared = reader.integer(*N_SHARED_EXPERTS, most=MAX_EXPERTS, least=0) or 0
    if shared_width is None:
        shared_width = n_shared * expert_width
    if family.startswith("llama4"):
        shared_width = expert_width
    per_width = n_matrices * hidden_size
    return LayerFeedForward(
        experts=n_experts * per_width * expert_width,
        shared=per_width * shared_width,
        router=hidden_size * n_experts,
    )


def _place_feed_forward(
    reader: ConfigReader, kinds: Sequence[LayerKind], parts: list[LayerFeedForward]
) -> list[LayerFeedForward]:
    """The parts, only at feed-forward layers where the model has such layers of their own."""
    if FEED_FORWARD not in kinds:
        return parts
    letters = reader.values.get("hybrid_override_pattern")
    names = letters or reader.values.get("layers_block_type") or reader.values.get("layer_types")
    if not isinstance(names, (str, list)) or len(names) != len(kinds):
        raise ValueError("a list must say which layers are feed-forward: got none")
    if {"E", "moe"} & set(map(str, names)) and {"-", "mlp"} & set(map(str, names)):
        raise ValueError("layers of both dense parts and experts are not estimated")
    return [
        part if kind == FEED_FORWARD else LayerFeedForward()
        for kind, part in zip(kinds, parts, strict=True)
    ]


def _layers_with_experts(reader: ConfigReader, n_layers: int, family: str) -> list[bool]:
    """True per layer whose feed-forward part has experts, by the first rule that is stated."""
    layers = range(n_layers)
    types = reader.array("mlp_layer_types")
    if types:
        return _listed(types, n_layers, "mlp_layer_types")
    if isinstance(reader.values.get("moe_layer_freq"), list):
        flags = reader.array("moe_layer_freq") or []
        return _listed(["moe" if flag else "dense" for flag in flags], n_layers, "moe_layer_freq")
    if numbers := _numbers(reader, "moe_layers"):
        return [i in numbers for i in layers]
    step = reader.integer("interleave_moe_layer_step", most=MAX_LAYERS) or 1
    if step > 1 and not family.startswith("llama4"):
        raise ValueError("interleave_moe_layer_step is estimated for llama4 alone")
    if step > 1:
        return [i % step == step - 1 for i in layers]
    period = reader.integer("expert_layer_period", most=MAX_LAYERS)
    if period:
        offset = reader.integer("expert_layer_offset", most=MAX_LAYERS, least=0) or 0
        return [i % period == offset for i in layers]
    dense_only = _numbers(reader, "mlp_only_layers")
    sparse_step = reader.integer("decoder_sparse_step", most=MAX_LAYERS) or 1
    frequency = reader.integer("moe_layer_freq", most=MAX_LAYERS) or 1
    n_dense = reader.integer("first_k_dense_replace", "num_dense_layers", most=MAX_LAYERS, least=0)
    return [
        i >= (n_dense or 0)
        and i % frequency == 0
        and (i + 1) % sparse_step == 0
        and i not in dense_only
        for i in layers
    ]


def _numbers(reader: ConfigReader, name: str) -> set[int]:
    return {number for number in reader.array(name) or [] if isinstance(number, int)}


def _listed(types: Sequence[object], n_layers: int, name: str) -> list[bool]:
    if len(types) != n_layers:
        raise ValueError(f"{name} must have one entry per layer: got {describe_value(list(types))}")
    return [kind in SPARSE for kind in types]
