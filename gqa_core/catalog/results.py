"""Published results: what others measured of quality and speed, each value with its source.

A table holds one model trained or served in variants; values of different tables compare nothing.
No published table ranks GQA against MLA, so none may be made of two that have MHA in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core.catalog.rows import FOLDER, decimal, read_catalog

COLUMNS = ("table", "model", "variant", "measure", "value", "source")
VARIANTS = ("MHA", "GQA", "MQA", "MLA")
GQA_PAPER = "GQA paper, Table 1"
TIME, SCORE = "Time per sample (s)", "Average score"  # what that table measures


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """One cell of a published table: what was measured of a model, in the measure's own unit.

    Raises:
        ValueError: there is no such variant.
    """

    table: str
    model: str
    variant: str
    measure: str
    value: float
    source: str

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}: got {self.variant!r}")

    @property
    def name(self) -> str:
        """What no other value is called."""
        return f"{self.table}, {self.model}, {self.measure}"


@cache
def published_results(path: Path = FOLDER / "results.csv") -> tuple[PublishedResult, ...]:
    """The published values, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the file and the line are named.
    """
    return read_catalog(path, COLUMNS, _result)


def published_tables() -> tuple[str, ...]:
    """The names of the tables, in the file's order."""
    return tuple(dict.fromkeys(result.table for result in published_results()))


def _result(*, value: str, **cells: str) -> PublishedResult:
    return PublishedResult(value=decimal("value", value), **cells)
