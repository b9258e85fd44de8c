"""The answer to an `InspectionSpec`: attention weights and similarities of the heads of one layer.

`python -m gqa_core inspect-heads` prints it as one JSON object, and the dashboard reads it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["HeadInspection", "InspectedModel", "Matrix", "Trait"]

Trait = Literal["keys", "values", "patterns"]  # patterns: the attention weights
Matrix = tuple[tuple[float, ...], ...]


class InspectedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: attention weights (h, t, t), and how similar its h query heads are.

    `similarity` is the linear CKA (h, h) of every two query heads by trait, `effective` the
    effective number of distinct heads by trait, from 1 to h.
    """

    n_kv_heads: int
    weights: tuple[Matrix, ...]
    similarity: dict[Trait, Matrix]
    effective: dict[Trait, float]


class HeadInspection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One layer (from 0) on one text, for each number of K/V heads that was asked for.

    `tokens` are the bytes of the text, `start` is the pooling method, and `noise_cka` is the CKA to
    expect for the keys of two unrelated heads on a text of this length.
    """

    tokens: tuple[int, ...]
    layer: int
    start: str
    n_heads: int
    noise_cka: float
    models: tuple[InspectedModel, ...]
