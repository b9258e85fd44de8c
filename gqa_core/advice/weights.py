"""Weights of a model with another number of K/V heads, never less than they are.

Fewer K/V heads make wk and wv smaller, and more make them larger. The width of the model is not
part of its attention, so it is not known here: the weights of candidates that have less are left
as they are, which overstates them a little, and those that have more get the most that can come on
top. The width is then taken as twice heads x head width, the most of any published model in the
catalogue (Falcon-H1), and of MLA as heads x value width, which no published model exceeds.
"""

from __future__ import annotations

from dataclasses import replace

from gqa_core.configs import MAX_DIM, AttentionConfig, GroupedConfig, LatentConfig, ModelConfig
from gqa_core.theory.cost import projection_parameters

__all__ = ["WIDTHS_PER_HEADS", "extra_weight_bytes"]

WIDTHS_PER_HEADS = 2  # model width over heads x head width, at most


def extra_weight_bytes(own: ModelConfig, other: ModelConfig, bytes_per_param: int) -> int:
    """The most bytes of weights that `other` has more than `own`; 0 if it has less.

    Both have the same groups of layers.
    """
    params = sum(
        group.n_layers * _extra_params(group.attention, other_group.attention)
        for group, other_group in zip(own, other, strict=True)
    )
    return max(0, params) * bytes_per_param


def _extra_params(own: AttentionConfig, other: AttentionConfig) -> int:
    """The most parameters that a layer gains; negative if it loses some whatever the width."""
    if isinstance(own, LatentConfig) and isinstance(other, GroupedConfig):
        own = replace(own, q_lora_rank=own.q_lora_rank or 1)  # the catalogue does not state it
    most = own.dim * (WIDTHS_PER_HEADS if isinstance(own, GroupedConfig) else 1)
    widths = (own.dim, min(most, MAX_DIM))
    return max(_params(other, dim) - _params(own, dim) for dim in widths)


def _params(attention: AttentionConfig, dim: int) -> int:
    """Parameters of the projections of a layer in a model of this width."""
    return projection_parameters(replace(attention, dim=dim))
