"""Held-out losses of small models as series.

A series is one number of K/V heads, obtained in one way, with one kind of evidence; its spread is
over the seeds. MHA shares nothing, so its series is the same whatever the pooling.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gqa_core import units
from gqa_core.configs import GroupedConfig
from gqa_core.records.header import MEASURED_ELSEWHERE, Evidence
from gqa_core.records.kinds import QualityRecord, Record
from gqa_core.records.specs.quality import SCRATCH, Start
from gqa_core.records.specs.training import POOLINGS, TrainingConfig

Spread = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSeries:
    """Held-out losses by percent of uptraining, each (least, median, most) over the seeds."""

    start: Start
    evidence: Evidence
    n_heads: int
    n_kv_heads: int
    n_params: int
    cache_bytes: int
    seeds: tuple[int, ...]
    spreads: Mapping[int, Spread]

    @property
    def variant(self) -> str:
        """MHA, GQA or MQA."""
        return GroupedConfig(n_heads=self.n_heads, n_kv_heads=self.n_kv_heads, head_dim=2).variant

    @property
    def name(self) -> str:
        """Variant and heads: "GQA, 4 K/V heads"."""
        return f"{self.variant}, {units.count(self.n_kv_heads, 'K/V head')}"

    def final(self, percent: int) -> Spread | None:
        """The loss after a percent of uptraining; from scratch, after all steps."""
        return self.spreads.get(100 if self.start == SCRATCH else percent)


def comparable(records: Iterable[Record], corpus_sha256: str) -> list[QualityRecord]:
    """The records with the pretrained model's configuration on one text; others do not compare."""
    return [
        record
        for record in records
        if isinstance(record, QualityRecord)
        and record.training_config == TrainingConfig()
        and record.corpus_sha256 == corpus_sha256
    ]


def loss_series(
    records: Iterable[QualityRecord], start: Start, evidence: Evidence
) -> list[LossSeries]:
    """The series of one start, most K/V heads first; a repeated measurement replaces the first."""
    grouped: dict[int, dict[int, list[QualityRecord]]] = {}
    for record in records:
        if record.start == start or (_is_mha(record) and SCRATCH not in (record.start, start)):
            seeds = grouped.setdefault(record.n_kv_heads, {})
            seeds.setdefault(record.seed, []).append(record)
    return [
        _series(grouped[n_kv_heads], start, evidence)
        for n_kv_heads in sorted(grouped, reverse=True)
    ]


def all_losses(records: Iterable[QualityRecord]) -> list[float]:
    """Every loss of these records, for axes that include them all."""
    return [loss for record in records for loss in record.losses]


def small_model_losses(records: Sequence[QualityRecord], percent: int) -> dict[int, float]:
    """Median loss by number of K/V heads, pooled by the mean and uptrained for a percent."""
    return {
        series.n_kv_heads: series.spreads[percent][1]
        for series in loss_series(records, POOLINGS[0], MEASURED_ELSEWHERE)
        if percent in series.spreads
    }


def _is_mha(record: QualityRecord) -> bool:
    return record.n_kv_heads == record.training_config.n_heads


def _series(
    by_seed: Mapping[int, Sequence[QualityRecord]], start: Start, evidence: Evidence
) -> LossSeries:
    losses: dict[int, list[float]] = {}
    for records in by_seed.values():
        latest = {
            percent: loss for record in records for percent, loss in record.loss_by_percent.items()
        }
        for percent, loss in latest.items():
            losses.setdefault(percent, []).append(loss)
    newest = next(iter(by_seed.values()))[-1]
    return LossSeries(
        start=start,
        evidence=evidence,
        n_heads=newest.training_config.n_heads,
        n_kv_heads=newest.n_kv_heads,
        n_params=newest.n_params,
        cache_bytes=newest.cache_bytes,
        seeds=tuple(sorted(by_seed)),
        spreads={
            percent: (min(values), statistics.median(values), max(values))
            for percent, values in sorted(losses.items())
        },
    )
