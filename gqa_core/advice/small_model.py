"""The held-out loss of the small model that ships, at the measured ratios of sharing.

Nothing is interpolated: there is no figure between or beyond those ratios.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gqa_core.records.kinds import QualityRecord
from gqa_core.records.specs.quality import SCRATCH, Start
from gqa_core.records.specs.training import POOLINGS

__all__ = ["PERCENT", "SmallModelLoss", "losses_by_ratio"]

FULL_PERCENT = 100  # percent of the steps that a model is trained for from scratch
PERCENT = 5  # of uptraining: that of the GQA paper's main results


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallModelLoss:
    """Median loss over seeds of a small model, in nats per byte, and how far above its MHA it is.

    Its heads were pooled by their mean once it was trained, and it was then uptrained for `percent`
    percent. `low` and `high` are the least and the greatest over the seeds. `scratch_above_mha` is
    that of a model trained with so many K/V heads from scratch, None if none was.
    """

    n_heads: int
    n_kv_heads: int
    percent: int
    n_seeds: int
    low: float
    loss: float
    high: float
    above_mha: float
    scratch_above_mha: float | None = None


def losses_by_ratio(
    records: Iterable[QualityRecord], percent: int = PERCENT
) -> Mapping[int, SmallModelLoss]:
    """The losses by query heads per K/V head; empty without MHA to compare with."""
    known = [*records]
    losses = _losses(known, POOLINGS[0], percent)
    mha = {n: statistics.median(values) for (n, count), values in losses.items() if n == count}
    scratch = {
        key: statistics.median(values)
        for key, values in _losses(known, SCRATCH, FULL_PERCENT).items()
    }
    return {
        n_heads // n_kv_heads: SmallModelLoss(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            percent=percent,
            n_seeds=len(values),
            low=min(values),
            loss=statistics.median(values),
            high=max(values),
            above_mha=statistics.median(values) - mha[n_heads],
            scratch_above_mha=_above_mha(scratch, n_heads, n_kv_heads),
        )
        for (n_heads, n_kv_heads), values in losses.items()
        if n_heads in mha
    }


def _losses(
    records: Iterable[QualityRecord], start: Start, percent: int
) -> dict[tuple[int, int], list[float]]:
    """The losses after `percent` of the steps, one per seed, by query heads and K/V heads."""
    losses: dict[tuple[int, int], list[float]] = {}
    for record in records:
        if record.start == start and percent in record.loss_by_percent:
            key = (record.training_config.n_heads, record.n_kv_heads)
            losses.setdefault(key, []).append(record.loss_by_percent[percent])
    return losses


def _above_mha(
    losses: Mapping[tuple[int, int], float], n_heads: int, n_kv_heads: int
) -> float | None:
    """The loss with so many K/V heads above that of MHA; None unless both are known."""
    own, mha = losses.get((n_heads, n_kv_heads)), losses.get((n_heads, n_heads))
    return None if own is None or mha is None else own - mha
