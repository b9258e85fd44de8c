"""From a K and V for every head to fewer: pool the heads of each group into one.

Only the projections of K and V change. `mean` averages a group's matrices, `first` keeps its first
one, `random` draws new ones of the same spread; the paper found mean best and random worst.
Source: GQA paper (arXiv:2305.13245), section 2.1 and figure 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.quality.model import LanguageModel
from gqa_core.records.specs.training import require_pooling


def share_heads(
    model: LanguageModel, n_kv_heads: int, pooling: str = "mean", *, seed: int = 0
) -> LanguageModel:
    """A model with `n_kv_heads` K/V heads made from one that has more; `seed` is of `random`.

    As many heads as there were are the same heads, also at `random`.

    Raises:
        ValueError: n_kv_heads does not divide the model's K/V heads, or there is no such pooling.
    """
    require_pooling(pooling)
    had = model.attention[0].config.n_kv_heads
    shared = LanguageModel(model.training_config, n_kv_heads, kernel=model.attention[0].kernel)
    if had % n_kv_heads:
        raise ValueError(f"n_kv_heads must divide those there are: got {n_kv_heads} and {had}")
    weights = dict(model.state_dict())
    generator = torch.Generator().manual_seed(seed)
    for name, matrix in weights.items():
        if had > n_kv_heads and name.endswith((".wk.weight", ".wv.weight")):
            weights[name] = _pooled(matrix, had, n_kv_heads, pooling, generator)
    shared.load_state_dict(weights)
    return shared


def _pooled(
    matrix: Tensor, had: int, n_kv_heads: int, pooling: str, generator: torch.Generator
) -> Tensor:
    """Rows (n_kv_heads * d, dim) out of (had * d, dim)."""
    sharers = matrix.view(n_kv_heads, had // n_kv_heads, -1, matrix.shape[-1])
    if pooling == "mean":
        pooled = sharers.mean(dim=1)
    elif pooling == "first":
        pooled = sharers[:, 0]
    else:
        pooled = torch.randn(sharers[:, 0].shape, generator=generator) * matrix.std()
    return pooled.reshape(-1, matrix.shape[-1]).clone()
