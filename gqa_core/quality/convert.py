"""Convert a model to fewer K/V heads: pool the K and V projections of each group into one head.

Query heads and every other weight stay as they are. `mean` averages the matrices of a group,
`first` takes the first of them, and `random` draws new ones with the same standard deviation. The
GQA paper found mean best and random worst.
Source: GQA paper (arXiv:2305.13245), section 2.1 and figure 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.quality.model import LanguageModel
from gqa_core.records.specs.training import Pooling, validate_pooling

__all__ = ["pool_kv_heads"]


def pool_kv_heads(
    model: LanguageModel, n_kv_heads: int, pooling: Pooling = "mean", *, seed: int = 0
) -> LanguageModel:
    """A copy of the model with `n_kv_heads` K/V heads; only `random` uses `seed`.

    If `n_kv_heads` is unchanged the copy has the same weights, also for `random`.

    Raises:
        ValueError: n_kv_heads does not divide the model's K/V heads, or the pooling is unknown.
    """
    validate_pooling(pooling)
    n_before = model.config.n_kv_heads
    converted = LanguageModel(model.training_config, n_kv_heads, kernel=model.kernel)
    if n_before % n_kv_heads:
        raise ValueError(f"n_kv_heads must divide those there are: got {n_kv_heads} and {n_before}")
    weights = dict(model.state_dict())
    generator = torch.Generator().manual_seed(seed)
    for name, matrix in weights.items():
        if n_before > n_kv_heads and name.endswith((".wk.weight", ".wv.weight")):
            groups = matrix.view(n_kv_heads, n_before // n_kv_heads, -1, matrix.shape[-1])
            pooled = _pool(groups, pooling, generator)
            weights[name] = pooled.reshape(-1, matrix.shape[-1]).clone()
    converted.load_state_dict(weights)
    return converted


def _pool(groups: Tensor, pooling: Pooling, generator: torch.Generator) -> Tensor:
    """One matrix per group, (n_kv_heads, d, dim), from (n_kv_heads, heads per group, d, dim)."""
    if pooling == "mean":
        return groups.mean(dim=1)
    if pooling == "first":
        return groups[:, 0]
    return torch.randn(groups[:, 0].shape, generator=generator) * groups.std()
