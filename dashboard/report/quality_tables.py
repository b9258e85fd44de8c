"""Tables of held-out losses, and of what others published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.data.quality import LossSeries, Spread
from dashboard.report.columns import (
    COUNT,
    KIB,
    NATS,
    SCORE,
    WHOLE_PERCENT,
    Column,
    Table,
    Unit,
)
from gqa_core.catalog.results import GQA_PAPER, published_results

PUBLISHED_UNITS = {  # of measures that are no scores; a measure's name holds its unit already
    "Time per sample (s)": Unit(digits="%.2f", dtype="float64"),
    "Decoder time per token (us)": Unit(digits="%.1f", dtype="float64"),
    "Dev ln PPL": Unit(digits="%.3f", dtype="float64"),
}


@dataclass(frozen=True, slots=True)
class TrainedLoss:
    """The loss of a series after a percent of uptraining, as (least, median, most)."""

    series: LossSeries
    percent: int
    spread: Spread


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One model of a published table: its source and its numbers by measure."""

    name: str
    source: str
    values: Mapping[str, float]


def loss_table(all_series: Iterable[LossSeries]) -> Table[TrainedLoss]:
    """One row per series and percent of uptraining."""
    rows = [
        TrainedLoss(series, percent, spread)
        for series in all_series
        for percent, spread in series.spreads.items()
    ]
    return Table(LOSSES, rows)


def published_table(table: str = GQA_PAPER) -> Table[PublishedModel]:
    """A published table: one row per model, a column per measure, and its source."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for result in published_results():
        if result.table == table:
            values.setdefault((result.model, result.source), {})[result.measure] = result.value
    measures = dict.fromkeys(measure for row in values.values() for measure in row)
    columns = (
        Column[PublishedModel]("Model", lambda model: model.name),
        *map(_measure_column, measures),
        Column[PublishedModel]("Source", lambda model: model.source),
    )
    return Table(columns, [PublishedModel(*key, row) for key, row in values.items()])


def _measure_column(measure: str) -> Column[PublishedModel]:
    unit = PUBLISHED_UNITS.get(measure, SCORE)
    return Column(measure, lambda model: model.values.get(measure), unit)


LOSSES = (
    Column[TrainedLoss]("Model", lambda loss: loss.series.name),
    Column[TrainedLoss]("Start", lambda loss: loss.series.start),
    Column[TrainedLoss]("Trained", lambda loss: loss.percent, WHOLE_PERCENT),
    Column[TrainedLoss]("Loss, median", lambda loss: loss.spread[1], NATS),
    Column[TrainedLoss]("Least", lambda loss: loss.spread[0], NATS),
    Column[TrainedLoss]("Most", lambda loss: loss.spread[2], NATS),
    Column[TrainedLoss]("Seeds", lambda loss: len(loss.series.seeds), COUNT),
    Column[TrainedLoss]("Cache", lambda loss: loss.series.cache_bytes, KIB),
    Column[TrainedLoss]("Parameters", lambda loss: loss.series.n_params, COUNT),
    Column[TrainedLoss]("Evidence", lambda loss: loss.series.evidence),
)
