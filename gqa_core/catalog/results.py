"""Published results: quality and speed as measured by others, each value with its source.

A table compares variants of one model that were trained or served alike. Values of different tables
are not comparable: no published table ranks GQA against MLA, and two tables that both have MHA must
not be joined into one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core.catalog.rows import FOLDER, parse_decimal, read_catalog
from gqa_core.configs import VARIANTS, Variant

__all__ = ["GQA_PAPER", "SCORE", "TIME", "PublishedResult", "published_results", "published_tables"]

COLUMNS = ("table", "model", "variant", "measure", "value", "source", "note")
GQA_PAPER = "GQA paper, Table 1"
TIME, SCORE = "Time per sample (s)", "Average score"  # measures of that table


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """One cell of a published table; `value` is in the unit that `measure` names.

    Raises:
        ValueError: the variant is not known.
    """

    table: str
    model: str
    variant: Variant
    measure: str
    value: float
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}: got {self.variant!r}")

    @property
    def name(self) -> str:
        """A unique name: table, model and measure."""
        return f"{self.table}, {self.model}, {self.measure}"


@cache
def published_results(path: Path = FOLDER / "results.csv") -> tuple[PublishedResult, ...]:
    """The published values, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the sentence names the file and the line.
    """
    return read_catalog(path, COLUMNS, _result)


def published_tables() -> tuple[str, ...]:
    """The names of the tables, in the file's order."""
    return tuple(dict.fromkeys(result.table for result in published_results()))


def _result(
    *,
    table: str,
    model: str,
    variant: Variant,
    measure: str,
    value: str,
    source: str,
    note: str = "",
) -> PublishedResult:
    return PublishedResult(
        table=table,
        model=model,
        variant=variant,
        measure=measure,
        value=parse_decimal("value", value),
        source=source,
        note=note,
    )
