"""Attention weights of each head of a model on one text, and how similar the heads are.

h query heads, k K/V heads, t tokens, d head_dim, v v_head_dim, f features per token.

Query head i reads K/V head i // (h / k). Heads of one group read the same keys and values, but each
has a query of its own, so their attention weights differ. Keys are compared as cached, after RoPE.
The model runs in float32; weights and similarities are computed in float64 from its projections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gqa_core.engine.grouped import GroupedAttention
from gqa_core.engine.kernels.torch_kernels import repeat_kv
from gqa_core.quality.convert import pool_kv_heads
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.similarity import cka_matrix, effective_number, noise_cka
from gqa_core.records.head_inspection import HeadInspection, InspectedModel, Matrix, Trait
from gqa_core.records.specs.inspection import InspectionSpec

__all__ = ["LayerHeads", "inspect_heads", "layer_heads"]

N_DECIMALS = 4  # of the printed numbers; a colour scale shows fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHeads:
    """One layer on one text: weights (h, t, t), keys (k, t, d) as cached, values (k, t, v)."""

    weights: Tensor
    keys: Tensor
    values: Tensor

    @property
    def traits(self) -> Mapping[Trait, Tensor]:
        """The compared features (h, t, f) by name, with keys and values repeated per query head."""
        q_per_kv = self.weights.shape[0] // self.keys.shape[0]
        return {
            "keys": repeat_kv(self.keys[None], q_per_kv)[0],
            "values": repeat_kv(self.values[None], q_per_kv)[0],
            "patterns": self.weights,
        }


def inspect_heads(spec: InspectionSpec, model: LanguageModel) -> HeadInspection:
    """The heads of one layer of `model`, converted to each of `spec.n_kv_heads`, rounded.

    A number of K/V heads that the model already has leaves the model unconverted.
    """
    return HeadInspection(
        tokens=tuple(spec.tokens),
        layer=spec.layer,
        start=spec.start,
        n_heads=model.config.n_heads,
        noise_cka=round(noise_cka(len(spec.tokens), model.config.head_dim), N_DECIMALS),
        models=tuple(_inspect_model(spec, model, count) for count in spec.n_kv_heads),
    )


def _inspect_model(spec: InspectionSpec, model: LanguageModel, n_kv_heads: int) -> InspectedModel:
    if n_kv_heads != model.config.n_kv_heads:
        model = pool_kv_heads(model, n_kv_heads, spec.start)
    heads = layer_heads(model, spec.tokens)[spec.layer]
    similarity = {trait: cka_matrix(features) for trait, features in heads.traits.items()}
    return InspectedModel(
        n_kv_heads=n_kv_heads,
        weights=tuple(_rounded(weights) for weights in heads.weights),
        similarity={trait: _rounded(matrix) for trait, matrix in similarity.items()},
        effective={
            trait: round(effective_number(matrix), N_DECIMALS)
            for trait, matrix in similarity.items()
        },
    )


@torch.inference_mode()
def layer_heads(model: LanguageModel, text: bytes) -> list[LayerHeads]:
    """The heads of every layer while the model reads a text in its ordinary forward pass."""
    layer_inputs: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: layer_inputs.append(inputs[0]))
        for layer in model.attention_layers
    ]
    try:
        model(torch.tensor([list(text)]))
    finally:
        for hook in hooks:
            hook.remove()
    return [_heads(layer, x) for layer, x in zip(model.attention_layers, layer_inputs, strict=True)]


def _heads(layer: GroupedAttention, x: Tensor) -> LayerHeads:
    """The heads of a layer whose input is x (1, t, dim)."""
    q, (k, v) = layer.project(x, 0)
    keys = repeat_kv(k, q.shape[1] // k.shape[1])
    scores = (q @ keys.transpose(-1, -2)).double() * q.shape[-1] ** -0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(diagonal=1)
    weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
    return LayerHeads(weights=weights[0], keys=k[0].double(), values=v[0].double())


def _rounded(matrix: Tensor) -> Matrix:
    return tuple(tuple(row) for row in matrix.round(decimals=N_DECIMALS).tolist())
