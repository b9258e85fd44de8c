"""Sharded records as rows of the page about several GPUs: newest per variant, and per rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboard.settings.several_gpus import SeveralGpusSettings, name_variant
from gqa_core.records.kinds import Record, ShardedRecord
from gqa_core.records.kinds.sharded import RankResult
from gqa_core.records.quartiles import TimeSummary

__all__ = [
    "PHASES",
    "RankRow",
    "is_usable",
    "newest_split",
    "phase_times",
    "rank_rows",
    "row_name",
]

PHASES = ("project", "append", "gather", "attend", "output", "reduce")
FORMS = {"absorbed": "MLA", "naive": "MLA naive"}


@dataclass(frozen=True, slots=True)
class RankRow:
    """One rank of a measured step."""

    record: ShardedRecord
    rank: RankResult

    @property
    def name(self) -> str:
        """The variant, of GQA with its K/V heads, of MLA with its form."""
        return row_name(self.record)

    @property
    def step_s(self) -> float | None:
        """The 5th percentile of this rank's steps; None if the samples are unusable."""
        if not is_usable(self.record):
            return None
        return TimeSummary.from_samples(self.rank.samples_s.step).p5

    @property
    def differs(self) -> bool:
        """True if the rank holds or sent other bytes than the formula says."""
        sent = self.rank.wire_bytes.total
        is_equal = self.rank.tensor_bytes == self.rank.formula_bytes
        return not is_equal or sent != self.record.wire_formula_bytes


def row_name(record: ShardedRecord) -> str:
    """The variant of a record in a word or two: "GQA-8", "MLA naive"."""
    return FORMS.get(record.kernel_ran, "") or name_variant(record.config)


def newest_split(
    settings: SeveralGpusSettings, records: Iterable[Record], own_ranks: int
) -> list[ShardedRecord]:
    """The newest record per variant of one split: that of the page, of a run here, or the newest.

    `own_ranks` are the ranks that a run here has. MHA comes first, naive MLA last.
    """
    fitting = [r for r in records if isinstance(r, ShardedRecord) and settings.matches(r)]
    if not fitting:
        return []
    local = settings.on_ranks(own_ranks)
    splits = [(settings.tp, settings.dcp), (local.tp, local.dcp), _split(fitting[-1])]
    split = next(split for split in splits if split in map(_split, fitting))
    newest = {row_name(record): record for record in fitting if _split(record) == split}
    order = [*map(name_variant, settings.variants.values()), *FORMS.values()]
    return sorted(newest.values(), key=lambda record: order.index(row_name(record)))


def is_usable(record: ShardedRecord) -> bool:
    """True if the samples of a record give figures."""
    return record.verdict.name != "unusable"


def rank_rows(records: Sequence[ShardedRecord]) -> list[RankRow]:
    """One row per rank of each record."""
    return [RankRow(record, rank) for record in records for rank in record.ranks]


def phase_times(record: ShardedRecord) -> dict[str, float]:
    """The 5th percentile of each phase of all ranks together, in seconds."""
    samples = record.samples_s
    return {name: TimeSummary.from_samples(getattr(samples, name)).p5 for name in PHASES}


def _split(record: ShardedRecord) -> tuple[int, int]:
    return record.tp, record.dcp
