"""The context from which on a variant beats MHA.

A step reads its weights and starts its kernels whatever the context; only attending grows with it.
Where that fixed part dominates, a smaller cache cannot show, so two variants are compared at rising
contexts, by the 5th percentiles of their times: one wins where the interval of its own lies below
that of MHA's, and it has crossed over at the shortest context from which on it wins at every longer
one that was measured.

Other work on the machine can slow one point and not the next, which looks like a crossover: the
context of a point whose samples are unusable is not used.

The rows of a comparison are of one run, oldest first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.quartiles import Quartiles, TimeSummary

__all__ = [
    "MIN_BRACKET_RATIO",
    "MIN_CONTEXT",
    "N_BISECTIONS",
    "N_INITIAL_CONTEXTS",
    "QUANTITIES",
    "Crossover",
    "PairedResult",
    "Quantity",
    "attend_share",
    "context_independent_s",
    "crossover",
    "next_context",
    "pair_with_mha",
    "search_contexts",
    "search_rows",
    "undisturbed",
]

Quantity = Literal["step", "attend"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)  # what a user notices; what the cache affects
MIN_CONTEXT = 64
N_INITIAL_CONTEXTS = 9  # contexts that every search measures
N_BISECTIONS = 3  # contexts that it adds at most
MIN_BRACKET_RATIO = 1.25  # a bracket whose ends are closer is not halved


def search_contexts(max_context_len: int) -> tuple[int, ...]:
    """The initial contexts of a search, rising from 64 tokens to the bound.

    They double; if that takes more than N_INITIAL_CONTEXTS, they rise by a larger power of 2.
    """
    shortest = min(MIN_CONTEXT, max_context_len)
    factor = 2
    while shortest * factor ** (N_INITIAL_CONTEXTS - 1) < max_context_len:
        factor *= 2
    rising = (shortest * factor**power for power in range(N_INITIAL_CONTEXTS))
    return (*(length for length in rising if length < max_context_len), max_context_len)


@dataclass(frozen=True, slots=True)
class PairedResult:
    """A variant's row and MHA's at the same context, measured in the same run.

    `is_valid` is False if one of them was disturbed by other work.
    """

    own: DecodeRow
    mha: DecodeRow
    is_valid: bool = True

    @property
    def context_len(self) -> int:
        """Tokens in the cache of both."""
        return self.own.context_len

    def ratio(self, quantity: Quantity) -> Quartiles:
        """The variant's time over MHA's: at best, of the 5th percentiles, and at worst."""
        own, mha = times(self.own, quantity), times(self.mha, quantity)
        return Quartiles(own.p5_low / mha.p5_high, own.p5 / mha.p5, own.p5_high / mha.p5_low)

    def is_win(self, quantity: Quantity) -> bool:
        """True if the variant is faster: their intervals do not overlap."""
        return self.ratio(quantity).q3 < 1

    def is_loss(self, quantity: Quantity) -> bool:
        """True if the variant is slower: their intervals do not overlap."""
        return self.ratio(quantity).q1 > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """The contexts at which a variant was measured undisturbed, won against MHA, and lost.

    Contexts rise. At those neither won nor lost, the spread is larger than the difference.
    """

    contexts: tuple[int, ...]
    won: tuple[int, ...]
    lost: tuple[int, ...]

    @property
    def last_non_win(self) -> int | None:
        """The longest context at which it does not win, None if it wins at all."""
        return max(set(self.contexts) - set(self.won), default=None)

    @property
    def first_win(self) -> int | None:
        """The context from which on it always wins, None if it does not win at the longest."""
        return min(
            (length for length in self.won if length > (self.last_non_win or 0)), default=None
        )

    @property
    def last_win(self) -> int | None:
        """The last of the shortest contexts if it wins at those alone, else None."""
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


def pair_with_mha(rows: Iterable[DecodeRow]) -> dict[str, list[PairedResult]]:
    """Each variant of a run with its MHA, by variant name, contexts rising.

    Of a context measured again, as a disturbed one may be, the last row counts.
    """
    last = {(row.context_len, row.kv_format, row.variant_name): row for row in rows}
    rows = sorted(last.values(), key=lambda row: row.context_len)
    mha = {(row.context_len, row.kv_format): row for row in rows if row.variant == "MHA"}
    pairs: dict[str, list[PairedResult]] = {}
    for own in rows:
        condition = own.context_len, own.kv_format
        if own.variant != "MHA" and condition in mha:
            pair = own, mha[condition]
            is_valid = all(row.is_usable for row in pair)
            pairs.setdefault(own.variant_name, []).append(PairedResult(*pair, is_valid))
    return pairs


def undisturbed(results: Iterable[PairedResult]) -> list[PairedResult]:
    """The results that no other work disturbed."""
    return [result for result in results if result.is_valid]


def crossover(results: Iterable[PairedResult], quantity: Quantity) -> Crossover:
    """The contexts of one variant's results, rising, and which of them are wins and losses."""
    valid = undisturbed(results)
    return Crossover(
        contexts=tuple(result.context_len for result in valid),
        won=tuple(result.context_len for result in valid if result.is_win(quantity)),
        lost=tuple(result.context_len for result in valid if result.is_loss(quantity)),
    )


def next_context(pairs: Mapping[str, Sequence[PairedResult]]) -> int | None:
    """Midpoint of the widest open bracket (on ties, that of the step).

    None once every bracket is within 1.25x.
    """
    brackets = [
        bracket
        for quantity in QUANTITIES
        for results in pairs.values()
        if (bracket := crossover(results, quantity).bracket)
    ]
    widest = max(brackets, key=lambda ends: ends[1] / ends[0], default=(1, 1))
    return sum(widest) // 2 if widest[1] > MIN_BRACKET_RATIO * widest[0] else None


def search_rows(rows: Iterable[DecodeRow], max_context_len: int) -> list[DecodeRow]:
    """Rows of the newest run that measured every initial context of a search up to the bound.

    If none did, rows of the newest run that measured an unbroken prefix of them.
    """
    initial = search_contexts(max_context_len)
    runs: dict[str, list[DecodeRow]] = {}
    for row in rows:
        if row.context_len <= max_context_len:
            runs.setdefault(row.record.run_id, []).append(row)
    begun = [
        run
        for run in runs.values()
        if pair_with_mha(run) and n_initial_contexts_measured(run, initial)
    ]
    return max(begun, key=lambda run: _rank(run, initial), default=[])


def n_initial_contexts_measured(rows: Iterable[DecodeRow], initial: Sequence[int]) -> int:
    """The number of initial contexts measured; 0 if one before the last is left out."""
    measured = {row.context_len for row in rows}
    count = len(measured & set(initial))
    return count if measured >= set(initial[:count]) else 0


def times(row: DecodeRow, quantity: Quantity) -> TimeSummary:
    """Seconds of the whole step, or of attending."""
    return row.step if quantity == "step" else row.attend


def context_independent_s(row: DecodeRow) -> Quartiles:
    """Seconds of a step that do not grow with the context: all phases but attend.

    The sum of the phases' 5th percentiles, and of the ends of their intervals.
    """
    phases = row.project, row.append, row.output
    return Quartiles(
        math.fsum(phase.p5_low for phase in phases),
        math.fsum(phase.p5 for phase in phases),
        math.fsum(phase.p5_high for phase in phases),
    )


def attend_share(row: DecodeRow) -> float:
    """Attending over all phases of a step."""
    return row.attend.p5 / (row.attend.p5 + context_independent_s(row).median)


def _rank(rows: Sequence[DecodeRow], initial: Sequence[int]) -> tuple[bool, str]:
    is_whole = n_initial_contexts_measured(rows, initial) == len(initial)
    return is_whole, max(row.record.created_at for row in rows)
