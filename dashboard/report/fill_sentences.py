"""Sentences about the GPU that the caches of all variants fill."""

from __future__ import annotations

from dashboard.data.borrowed_weights import TYPE_WEIGHTS
from dashboard.data.capacity import Plan
from dashboard.data.gpu_fill import GpuFill
from dashboard.report.capacity_sentences import weights_error
from gqa_core import units


def fill_takeaway(fill: GpuFill) -> str:
    """The tokens and users at which each variant is full, in one sentence."""
    ends = [
        f"{name} at {units.compact(row.full_tokens)} tokens, {units.count(row.n_users, 'user')}"
        for name, row in fill.rows.items()
    ]
    return f"{_gpus(fill)} full of cache: {'; '.join(ends)} of {fill.context_len} tokens."


def fill_caption(fill: GpuFill, weights_note: str = "") -> str:
    """The weights beside the cache, whose they are if borrowed, and how to see it grow."""
    n_gpus = fill.n_gpus
    where = "" if n_gpus == 1 else f" on each of {n_gpus} GPUs, the fewest that hold the model"
    weights = units.decimal(fill.weight_bytes)
    copies = "" if n_gpus == 1 else " Each keeps a copy of what cannot be split, MLA's latent too."
    note = f" {weights_note}" if weights_note else ""
    return f"{weights} of weights{where}.{note}{copies} Play or drag to fill it token by token."


def no_fill_sentence(plan: Plan) -> str:
    """The reason why there is no picture: weights that nobody knows, or that fit no GPU."""
    if plan.weights_note and not plan.weights_known:
        return f"{plan.weights_note} {TYPE_WEIGHTS}"
    if not plan.weights_known:
        return (
            "The size of this model's weights is not known, so nobody can say what is left beside "
            "them. Type it under **More settings**, or choose a model."
        )
    return weights_error(plan) or "There is no room beside the weights."


def _gpus(fill: GpuFill) -> str:
    return f"One {fill.gpu}" if fill.n_gpus == 1 else f"Each of {fill.n_gpus} {fill.gpu}"
