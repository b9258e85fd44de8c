"""Steps of GQA and MQA beside MHA's of the same run, from columns alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.log.tables import RECORDS

if TYPE_CHECKING:
    from gqa_core.records.decode_row import DecodeRow
    from gqa_core.records.run_log import RunLog

__all__ = ["SharingPair", "sharing_pairs"]

C = RECORDS.c
SAME = ("run_id", "n_heads", "dim", "batch_size", "dtype", "kv_format", "n_layers", "context_len")


@dataclass(frozen=True, slots=True)
class SharingPair:
    """MHA's bytes over a variant's, and the variant's attend time over MHA's.

    `is_tie` is True if the samples do not tell the times apart, `is_usable` False if the samples of
    either are unusable.
    """

    times_smaller: float
    time_ratio: float
    is_tie: bool
    is_usable: bool

    @classmethod
    def from_rows(cls, own: DecodeRow, mha: DecodeRow) -> SharingPair:
        """The pair of two rows."""
        return cls(
            mha.record.memory.tensor_bytes / own.record.memory.tensor_bytes,
            own.attend.p5 / mha.attend.p5,
            not own.attend.differs_from(mha.attend),
            own.is_usable and mha.is_usable,
        )


def sharing_pairs(log: RunLog, where: RecordFilter) -> list[SharingPair]:
    """Each wanted step of GQA or MQA with the last MHA step of its run under equal conditions."""
    mha, base = RECORDS.alias("mha"), RECORDS.alias("base")
    last_mha = (
        select(func.max(base.c.id))
        .where(base.c.kind == "decode", base.c.variant == "MHA")
        .where(*(base.c[name] == C[name] for name in SAME))
        .correlate(RECORDS)
        .scalar_subquery()
    )
    ties = and_(C.attend_low_s <= mha.c.attend_high_s, mha.c.attend_low_s <= C.attend_high_s)
    query = (
        select(
            1.0 * mha.c.tensor_bytes / C.tensor_bytes,
            C.attend_s / mha.c.attend_s,
            ties,
            and_(C.verdict != "unusable", mha.c.verdict != "unusable"),
        )
        .select_from(RECORDS.join(mha, mha.c.id == last_mha))
        .where(*where.clauses, C.kind == "decode", C.variant.in_(("GQA", "MQA")))
    )
    return [SharingPair(*row) for row in log.execute(query)]
