"""Admits what visitors start: the limits of the queue, and of each visitor and address in it.

A visitor waits with one run at most, so that first come, first served is fair. No streamlit in this
file.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from dashboard.shell.jobs import Job
from gqa_core.limits.rate import Rate
from gqa_core.limits.refusal import LimitError, limit_error
from gqa_core.limits.settings import limits

__all__ = ["Admission"]

HOUR_S = 3600.0
TRAINING = "quality"  # the subcommand that trains


class Admission:
    """Admits runs and queries of visitors, and remembers what each started in the last hour.

    An empty visitor is the program itself, which is bound by the length of the queue alone.
    """

    def __init__(self) -> None:
        self._starts = Rate(HOUR_S)

    def admit_run(
        self, visitor: str, address: str, arguments: tuple[str, ...], runs: Iterable[Job]
    ) -> None:
        """Note the start of a run.

        Raises:
            LimitError: a limit refuses it.
        """
        active = [run for run in runs if run.is_active]
        if visitor:
            require_allowed(arguments)
            self._require_share(visitor, active)
            _require_share_of_address(address, active)
        n_waiting = sum(run.state == "waiting" for run in active)
        if n_waiting >= limits().queue_runs:
            raise limit_error(
                "queue_runs", f"{_runs(n_waiting)} already, try again when one is done"
            )
        self._note_start(visitor)

    def admit_query(self, visitor: str, queries: Iterable[Job]) -> None:
        """Note the start of a query.

        Raises:
            LimitError: a limit refuses it.
        """
        waiting = [query for query in queries if query.is_active]
        if visitor:
            require_allowed(())
            own = sum(query.visitor == visitor for query in waiting)
            if own >= limits().visitor_runs:
                raise limit_error("visitor_runs", "a look into the heads of yours is under way")
        if len(waiting) > limits().queue_runs:
            raise limit_error("queue_runs", f"{_runs(len(waiting))} already, try again in a minute")
        self._note_start(visitor)

    def _require_share(self, visitor: str, active: Iterable[Job]) -> None:
        """Raise LimitError if a visitor has as many runs as one may have."""
        own = [run for run in active if run.visitor == visitor]
        if len(own) >= limits().visitor_runs:
            raise limit_error("visitor_runs", f"{len(own)} of yours waits or runs")
        if any(run.state == "waiting" for run in own):
            raise LimitError("visitor_runs", "a visitor may wait with 1 run: one of yours waits")

    def _note_start(self, visitor: str) -> None:
        """Count a start of a visitor, unless it is one too many in this hour."""
        if not visitor:
            return
        now_s = time.monotonic()
        if (n_starts := self._starts.count(visitor, now_s)) >= limits().visitor_runs_per_hour:
            raise limit_error("visitor_runs_per_hour", f"you started {n_starts}")
        self._starts.note(visitor, now_s)


def require_allowed(arguments: tuple[str, ...]) -> None:
    """Raise LimitError unless visitors may start `python -m gqa_core` with these arguments."""
    if not limits().allow_measuring:
        raise limit_error("allow_measuring")
    if arguments[:1] == (TRAINING,) and not limits().allow_training:
        raise limit_error("allow_training")


def _require_share_of_address(address: str, active: Iterable[Job]) -> None:
    """Raise LimitError if as many runs of an address wait as may; each may have many tabs."""
    n_waiting = sum(run.state == "waiting" and run.address == address for run in active)
    if address and n_waiting >= limits().address_runs:
        raise limit_error("address_runs", f"{_runs(n_waiting)} that came from yours")


def _runs(number: int) -> str:
    return f"{number} run waits" if number == 1 else f"{number} runs wait"
