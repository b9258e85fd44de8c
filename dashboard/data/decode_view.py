"""The rows that a view of decode steps shows: this machine's own, those of a sample run, or both.

Own rows take the place of a sample's. A sample stands in where nothing is measured here for these
settings, or not yet at the context of the sliders; what is not shown first is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from dashboard.data.crossover import latest_search
from dashboard.data.decode_rows import Row, latest, matching
from dashboard.data.predicted_steps import PredictedSteps, predicted_steps, probing_rows
from dashboard.settings.measurement import DecodeSettings
from gqa_core.records.header import MEASURED_ELSEWHERE

__all__ = ["SHOWN", "DecodeSources", "DecodeView", "Shown", "line_contexts"]

Shown = Literal["here", "sample run", "both"]
SHOWN: tuple[Shown, ...] = get_args(Shown)
LINE_CONTEXTS = tuple(64 * 2**power for power in range(10))  # 64 to 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeView:
    """`rows` give answer, figures and tables; `reference_rows` are drawn beside them."""

    rows: Sequence[Row]
    reference_rows: Sequence[Row] = ()

    @property
    def is_sample(self) -> bool:
        """True if the rows are those of a sample run."""
        return any(row.evidence == MEASURED_ELSEWHERE for row in self.rows)

    @property
    def evidence(self) -> list[str]:
        """The kinds of evidence of all rows, that of `rows` first."""
        return list(dict.fromkeys(row.evidence for row in (*self.rows, *self.reference_rows)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSources:
    """Rows of this machine and of the sample runs, and which of them a visitor wants to see.

    `is_running` is True while this page's run is measured.
    """

    settings: DecodeSettings
    own: Sequence[Row]
    sample: Sequence[Row]
    shown: Shown = "here"
    is_running: bool = False

    def times(self) -> DecodeView:
        """The newest rows of each point with these settings, at any context."""
        own = latest(matching(self.own, self.settings))
        sample = latest(matching(self.sample, self.settings))
        if not self._covers(own) and self._covers(sample):
            return DecodeView(rows=sample, reference_rows=own)
        return self._select(own, sample)

    def searches(self) -> DecodeView:
        """The newest search for crossovers of each machine."""
        return self._select(
            latest_search(self.own, self.settings), latest_search(self.sample, self.settings)
        )

    def points(self) -> DecodeView:
        """The newest rows of each point with these settings, for a roofline."""
        return self._select(
            latest(matching(self.own, self.settings)), latest(matching(self.sample, self.settings))
        )

    def predicted(self) -> PredictedSteps | None:
        """Times by formula over all contexts, from the rates of this machine or of the sample's."""
        rows = probing_rows(self.own, self.sample, self.settings.dtype)
        return predicted_steps(self.settings, rows, line_contexts(self.settings.context_len))

    @property
    def has_both(self) -> bool:
        """True if both machines have rows with these settings."""
        return bool(matching(self.own, self.settings) and matching(self.sample, self.settings))

    def _select(self, own: Sequence[Row], sample: Sequence[Row]) -> DecodeView:
        if not own or (sample and self.shown == "sample run"):
            return DecodeView(rows=sample)
        return DecodeView(rows=own, reference_rows=sample if self.shown == "both" else ())

    def _covers(self, rows: Sequence[Row]) -> bool:
        """True if some of the rows are at the context of the settings."""
        return any(row.context_len == self.settings.context_len for row in rows)


def line_contexts(context_len: int) -> tuple[int, ...]:
    """The contexts of a formula's line: doubling from 64 up to 32768 and to `context_len`."""
    doubled = LINE_CONTEXTS[-1]
    contexts = {*LINE_CONTEXTS, context_len}
    while 2 * doubled < context_len:
        doubled *= 2
        contexts.add(doubled)
    return tuple(sorted(contexts))
