"""The similarity of heads as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.data.head_inspection import TRAITS
from dashboard.report.columns import COUNT, RAW, Column, Table
from gqa_core.records.head_inspection import HeadInspection, Trait


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPair:
    """Two heads of a model and how alike they are in one trait."""

    layer: int
    n_kv_heads: int
    trait: Trait
    head: int
    other: int
    cka: float


def similarity_table(answer: HeadInspection) -> Table[HeadPair]:
    """One row per pair of heads, for each model and trait."""
    return Table(COLUMNS, list(_pairs(answer)))


def _pairs(answer: HeadInspection) -> Iterator[HeadPair]:
    for model in answer.models:
        for trait, matrix in model.similarity.items():
            for head in range(answer.n_heads):
                for other in range(head):
                    yield HeadPair(
                        layer=answer.layer,
                        n_kv_heads=model.n_kv_heads,
                        trait=trait,
                        head=head,
                        other=other,
                        cka=matrix[head][other],
                    )


COLUMNS = (
    Column[HeadPair]("Layer", lambda pair: pair.layer, COUNT),
    Column[HeadPair]("K/V heads", lambda pair: pair.n_kv_heads, COUNT),
    Column[HeadPair]("Compared", lambda pair: TRAITS[pair.trait]),
    Column[HeadPair]("Head", lambda pair: pair.head, COUNT),
    Column[HeadPair]("Other head", lambda pair: pair.other, COUNT),
    Column[HeadPair]("CKA", lambda pair: pair.cka, RAW),
)
