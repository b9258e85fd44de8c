"""Measures the parts of the sample runs, and repeats what other work disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gqa_core.records.kinds import DecodeRecord, Record
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.records.specs.spec import Spec
from gqa_core.runner.events import Event, Note
from gqa_core.runner.run import RunResult
from gqa_core.runner.run import run as run_specs
from gqa_core.sample_runs.doubts import doubt
from gqa_core.sample_runs.neighbours import CpuWatch
from gqa_core.sample_runs.plan import N_SAMPLES, Part

__all__ = ["MAX_TRIES", "is_measured", "measure_part"]

MAX_TRIES = 4  # of each point, before its part is given up
Run = Callable[..., RunResult]


def measure_part(
    part: Part,
    *,
    device: str,
    on_event: Callable[[Event], None],
    run: Run = run_specs,
    max_tries: int = MAX_TRIES,
) -> tuple[list[Record], list[str]]:
    """The last record of each point of a part, and one sentence per point that may not ship.

    What is disturbed is measured again in the same run, with all that takes turns with it, at most
    `max_tries` times in all.

    Raises:
        ValueError: the device cannot be used, or a point would not fit in memory.
        WorkerError: not even the device could be described.
    """
    repeats = _Repeats(part, max_tries, on_event)
    n_extra = repeats.search_extra
    result = run(
        part.specs,
        device=device,
        log=None,
        on_record=repeats.watch,
        on_event=on_event,
        next_specs=repeats.next_specs,
        max_extra=(max_tries - 1) * len(part.specs) + max_tries * n_extra,
    )
    last = last_records(result.records)
    doubts = [f"{record.spec}: {reason}" for record in last if (reason := repeats.doubt(record))]
    missing = [spec for spec in part.specs if _key(spec) not in {_key(r.spec) for r in last}]
    return last, [*doubts, *(f"{spec}: not measured" for spec in missing)]


def is_measured(part: Part, records: Iterable[Record]) -> bool:
    """True if these records hold every point of a part."""
    return {_key(spec) for spec in part.specs} <= {_key(record.spec) for record in records}


def last_records(records: Iterable[Record]) -> list[Record]:
    """The last record of each point, in the order in which the points came first."""
    return list({_key(record.spec): record for record in records}.values())


@dataclass(slots=True)
class _Repeats:
    """The specs that follow on a part's first ones: repeats, then what its search adds."""

    part: Part
    max_tries: int
    on_event: Callable[[Event], None]
    tries: dict[object, int] = field(default_factory=dict)
    cpu: CpuWatch = field(default_factory=CpuWatch)
    other_cores: dict[int, float] = field(default_factory=dict)  # by point

    @property
    def search_extra(self) -> int:
        """The most points that the search may add."""
        return self.part.search.max_extra if self.part.search else 0

    def watch(self, record: Record) -> None:
        """Note what other processes used of the processor while this record was measured."""
        self.other_cores[record.point] = self.cpu.other_cores()

    def doubt(self, record: Record) -> str:
        """The reason why a record of this run may not ship, empty if it may."""
        return doubt(record, self.other_cores.get(record.point, 0.0))

    def next_specs(self, records: Sequence[Record]) -> list[Spec]:
        """The specs to measure next, given all records so far; empty at the end."""
        last = last_records(records)
        disturbed = {
            _turn(record.spec): reason for record in last if (reason := self.doubt(record))
        }
        again = [turn for turn in disturbed if self.tries.get(turn, 1) < self.max_tries]
        if not again:
            return self._searched(last)
        for turn in again:
            self.tries[turn] = self.tries.get(turn, 1) + 1
        reason = disturbed[again[0]]
        specs = [record.spec for record in last if _turn(record.spec) in again]
        self.on_event(Note(text=f"disturbed, {len(specs)} points are measured again: {reason}"))
        return [_as_planned(spec) for spec in specs]

    def _searched(self, records: Sequence[Record]) -> list[Spec]:
        """The specs that the search adds; it sees no context above its bound."""
        search = self.part.search
        if search is None:
            return []
        return list(
            search.next_specs(
                [
                    record
                    for record in records
                    if isinstance(record, DecodeRecord)
                    and record.workload.context_len <= search.max_context_len
                ]
            )
        )


def _as_planned(spec: Any) -> Spec:
    """The spec of a record with as many samples as were planned, rather than as were taken."""
    return replace(spec, n_samples=N_SAMPLES) if isinstance(spec, DecodeSpec) else spec


def _key(spec: Any) -> object:
    """Equal for specs of the same point; a decode step takes more samples than it is asked for."""
    return replace(spec, n_samples=1) if isinstance(spec, DecodeSpec) else spec


def _turn(spec: Any) -> object:
    """Equal for specs that take turns in one process."""
    if isinstance(spec, DecodeSpec):
        return spec.workload, spec.dtype, spec.n_layers
    return spec
