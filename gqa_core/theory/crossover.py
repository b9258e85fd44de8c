"""From which context on a variant beats MHA, and what hides it below.

A step reads its weights and starts its kernels whatever the context; only attending grows with it.
Where that floor is most of a step, a smaller cache cannot show, so two variants are compared at
rising contexts: one wins where its third quartile lies below MHA's first, and it has crossed over
at the shortest context from which on it wins at every longer one that was measured.

Other work on the machine can slow one point and not the next, which looks like a crossover. Every
point comes with the read bandwidth probed between its samples: where that is far below the run's
own, or half of the samples lie further apart than half their median, the point was disturbed, and
its context decides nothing.

Rows are flat, as records are when they are read (`gqa_core.records.record.row`); the rows of a
comparison are of one run, oldest first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from gqa_core.configs import AttentionConfig, GroupedConfig, LatentConfig

QUANTITIES = ("step", "attend")  # what a user feels, and what the cache is read for
CONTEXT_INDEPENDENT_PHASES = (
    "project",
    "append",
    "output",
)  # the phases that do not grow with the context
MIN_CONTEXT = 64
N_INITIAL_CONTEXTS = 9  # contexts that a search measures in any case
MIN_BANDWIDTH_RATIO = (
    0.55  # a point is, with less than this share of the run's upper quartile of bandwidth
)
WIDE = 0.5  # and a point is whose quartiles are further apart than this share of the median
NARROW = 1.25  # a bracket is narrow enough where its ends are no further apart

Row = Mapping[str, Any]


def search_contexts(max_context_len: int) -> tuple[int, ...]:
    """Where a search starts: from 64 tokens by doublings to the bound, or by larger powers of 2."""
    shortest = min(MIN_CONTEXT, max_context_len)
    factor = 2
    while shortest * factor ** (N_INITIAL_CONTEXTS - 1) < max_context_len:
        factor *= 2
    rising = (shortest * factor**power for power in range(N_INITIAL_CONTEXTS))
    return (*(length for length in rising if length < max_context_len), max_context_len)


@dataclass(frozen=True, slots=True)
class PairedResult:
    """A variant's row and MHA's at the same context, measured in the same run.

    `is_valid` is False where one of them was disturbed by other work.
    """

    own: Row
    mha: Row
    is_valid: bool = True

    @property
    def context_len(self) -> int:
        """Tokens in the cache of both."""
        return self.own["context_len"]

    def ratio(self, quantity: str) -> tuple[float, float, float]:
        """The variant's time over MHA's: at best, of the medians, and at worst, by quartiles."""
        (low, middle, high), (mha_low, mha_middle, mha_high) = (
            [row[f"{quantity}{end}_s"] for end in ("_q1", "", "_q3")]
            for row in (self.own, self.mha)
        )
        return low / mha_high, middle / mha_middle, high / mha_low

    def is_win(self, quantity: str) -> bool:
        """Whether the variant is faster by more than the spread of both."""
        return self.ratio(quantity)[2] < 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """Where a variant was measured undisturbed, where it beats MHA, and where it is slower.

    Contexts rise; at those that are neither won nor lost, the spread is larger than the difference.
    """

    contexts: tuple[int, ...]
    won: tuple[int, ...]
    lost: tuple[int, ...]

    @property
    def last_non_win(self) -> int | None:
        """The longest context at which it does not win, None where there is none."""
        return max(set(self.contexts) - set(self.won), default=None)

    @property
    def first_win(self) -> int | None:
        """The context from which on it wins at all, None where it does not at the longest."""
        return min(
            (length for length in self.won if length > (self.last_non_win or 0)), default=None
        )

    @property
    def last_win(self) -> int | None:
        """The context up to which alone it wins, None where it wins otherwise or not at all."""
        n_won = len(self.won)
        only_first = 0 < n_won < len(self.contexts) and self.won == self.contexts[:n_won]
        return self.won[-1] if only_first else None

    @property
    def bracket(self) -> tuple[int, int] | None:
        """The contexts between which it begins to win for good, or ceases to; None for neither."""
        if self.first_win and self.last_non_win:
            return self.last_non_win, self.first_win
        if self.last_win:
            return self.last_win, self.contexts[len(self.won)]
        return None


def variant_name(row: Row) -> str:
    """The variant of a row, with its K/V heads or form where that says more: "GQA-8"."""
    if row["variant"] == "GQA":
        return f"GQA-{row['n_kv_heads']}"
    return f"MLA {row['kernel_ran']}" if row["variant"] == "MLA" else row["variant"]


def layer_of(row: Row) -> AttentionConfig:
    """The layer that a row was measured with."""
    kind = LatentConfig if row["variant"] == "MLA" else GroupedConfig
    return kind(**{field.name: row[field.name] for field in fields(kind)})


def pair_with_mha(rows: Iterable[Row]) -> dict[str, list[PairedResult]]:
    """Each variant of a run against its MHA, by name, contexts rising; MHA against none.

    What was measured again, as a disturbed context may be, counts as it was the last time.
    """
    last = {(row["context_len"], variant_name(row)): row for row in rows}
    rows = sorted(last.values(), key=lambda row: row["context_len"])
    mha = {row["context_len"]: row for row in rows if row["variant"] == "MHA"}
    least = MIN_BANDWIDTH_RATIO * _upper_quartile(
        [row["read_bandwidth_bytes_per_s"] for row in rows]
    )
    found: dict[str, list[PairedResult]] = {}
    for own in rows:
        if own["variant"] != "MHA" and own["context_len"] in mha:
            pair = own, mha[own["context_len"]]
            is_valid = not any(_was_disturbed(row, least) for row in pair)
            found.setdefault(variant_name(own), []).append(PairedResult(*pair, is_valid))
    return found


def valid_results(fought: Iterable[PairedResult]) -> list[PairedResult]:
    """The duels that no other work disturbed."""
    return [duel for duel in fought if duel.is_valid]


def crossover(fought: Iterable[PairedResult], quantity: str) -> Crossover:
    """Where one variant's duels, contexts rising, turn into wins for good."""
    undisturbed = valid_results(fought)
    return Crossover(
        contexts=tuple(duel.context_len for duel in undisturbed),
        won=tuple(duel.context_len for duel in undisturbed if duel.is_win(quantity)),
        lost=tuple(duel.context_len for duel in undisturbed if duel.ratio(quantity)[0] > 1),
    )


def next_context(fought: Mapping[str, Sequence[PairedResult]]) -> int | None:
    """The middle of the widest bracket of all, step before attend; None where all are narrow."""
    brackets = [
        bracket
        for quantity in QUANTITIES
        for mine in fought.values()
        if (bracket := crossover(mine, quantity).bracket)
    ]
    widest = max(brackets, key=lambda ends: ends[1] / ends[0], default=(1, 1))
    return sum(widest) // 2 if widest[1] > NARROW * widest[0] else None


def search_rows(rows: Iterable[Row], max_context_len: int) -> list[Row]:
    """The rows, up to the bound, of the newest run that went all the way a search to it starts.

    Where none did, of the newest that went a part of it, from the shortest context on.
    """
    start, runs = search_contexts(max_context_len), {}
    for row in rows:
        if row["context_len"] <= max_context_len:
            runs.setdefault(row["run_id"], []).append(row)
    begun = [mine for mine in runs.values() if pair_with_mha(mine) and _steps(mine, start)]
    return max(begun, key=lambda mine: _rank(mine, start), default=[])


def context_independent_s(row: Row, end: str = "") -> float:
    """Seconds of a step that do not grow with the context: the medians of all phases but attend.

    With `end` "_q1" or "_q3" their first or third quartiles.
    """
    return math.fsum(row[f"{phase}{end}_s"] for phase in CONTEXT_INDEPENDENT_PHASES)


def attend_share(row: Row) -> float:
    """The share of attending in the phases of a step."""
    return row["attend_s"] / (row["attend_s"] + context_independent_s(row))


def _was_disturbed(row: Row, least_bytes_per_s: float) -> bool:
    return row["read_bandwidth_bytes_per_s"] < least_bytes_per_s or any(
        row[f"{quantity}_q3_s"] - row[f"{quantity}_q1_s"] > WIDE * row[f"{quantity}_s"]
        for quantity in QUANTITIES
    )


def _upper_quartile(values: Sequence[float]) -> float:
    return sorted(values)[3 * len(values) // 4] if values else 0.0


def _steps(rows: Iterable[Row], start: Sequence[int]) -> int:
    """How many of the contexts that a search starts with were measured, if none is left out."""
    seen = {row["context_len"] for row in rows}
    steps = len(seen & set(start))
    return steps if seen >= set(start[:steps]) else 0


def _rank(rows: Sequence[Row], start: Sequence[int]) -> tuple[bool, str]:
    return _steps(rows, start) == len(start), max(row["created_at"] for row in rows)
