"""Published results: what others measured of quality and speed, each row with its source."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """One row of a published table: seconds per sample, and the average score, higher is better."""

    model: str
    variant: str
    time_s: float
    score: float
    source: str


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """The rows of results.csv, in the order of their table."""
    with Path(__file__).with_name("results.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            PublishedResult(
                model=line["model"],
                variant=line["variant"],
                time_s=float(line["time_s"]),
                score=float(line["score"]),
                source=line["source"],
            )
            for line in csv.DictReader(file)
        )
