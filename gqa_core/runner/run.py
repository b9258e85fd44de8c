"""A run: specs validated together, measured in groups, each record out as soon as it exists.

Everything that can be refused is refused before the first point: numbers by their specs, the log
by trying it, memory by comparing what each point takes with what is free. Kernels are compiled
before the first point too, which takes seconds once per machine. Decode steps of one context are a
group, measured in one process in turns; any other point is a group of its own. A point that fails
later is reported and the rest go on. Nothing measured is lost: a record goes into the log and out
to the caller, and neither depends on the other. A search adds points once it has seen the first
records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gqa_core import units
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import Record
from gqa_core.records.log.errors import RecordSpooledError, RunLogError
from gqa_core.records.run_log import RunLog
from gqa_core.records.specs.spec import Spec
from gqa_core.runner.events import (
    Event,
    Finished,
    Note,
    NotLogged,
    PointFailed,
    Progress,
    Started,
    Waiting,
)
from gqa_core.runner.groups import describe_group, group_specs
from gqa_core.runner.machine_lock import machine_lock
from gqa_core.runner.methods import METHODS
from gqa_core.runner.visitor_run import validate_run
from gqa_core.runner.workers import WorkerError, Workers

__all__ = ["RunResult", "run", "validate_memory"]

NextSpecs = Callable[[Sequence[Record]], Sequence[Spec]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The records of a run, and how many of its points failed or could not be logged."""

    records: tuple[Record, ...]
    n_failed: int
    n_not_logged: int

    @property
    def is_complete(self) -> bool:
        """True if every point was measured and, where there is a log, logged."""
        return not self.n_failed and not self.n_not_logged


def run(
    specs: Sequence[Spec],
    *,
    device: str,
    log: RunLog | None,
    on_record: Callable[[Record], None] = lambda record: None,
    on_event: Callable[[Event], None] = lambda event: None,
    next_specs: NextSpecs = lambda records: (),
    max_extra: int = 0,
) -> RunResult:
    """Measure the specs; each record goes into the log, if there is one, then to `on_record`.

    When all are done, `next_specs` returns what to measure next, given all records so far, until
    it returns nothing: at most `max_extra` in all, none larger than the first ones.

    Runs on one machine take turns: while another is measured, this one waits and reports it.

    Raises:
        ValueError: the device cannot be used, a point would not fit in memory with a margin, or
            the run is over the limits of a dashboard's visitors.
        RunLogError: the log cannot be written; a server that does not answer is a note, and its
            records wait in a local file.
        MachineLockError: it cannot be seen if another run is being measured.
        WorkerError: not even the device could be described.
    """
    if log is not None and (notice := log.prepare()):
        on_event(Note(text=notice))
    with machine_lock(lambda holder_pid: on_event(Waiting(holder_pid=holder_pid))):
        workers = Workers(preload=METHODS[type(specs[0])].module)
        info = workers.call("gqa_core.measure.device", "device_info", device)
        validate_memory(specs, info.free_bytes)
        validate_run(specs, max_extra, info.free_bytes)
        state = _RunState(
            workers=workers,
            device=device,
            log=log,
            header=RunHeader.new(),
            n_points=len(specs) + max_extra,
            on_record=on_record,
            on_event=on_event,
        )
        on_event(Started(n_points=state.n_points, device_info=info))
        state.prepare_kernels(specs)
        for batch in _spec_stream(specs, next_specs, max_extra, state.records):
            for group in group_specs(batch, info.free_bytes):
                state.measure(group)
        return state.finish()


@dataclass(slots=True, kw_only=True)
class _RunState:
    """The records of a run so far, and the receivers of its records and events."""

    workers: Workers
    device: str
    log: RunLog | None
    header: RunHeader
    n_points: int
    on_record: Callable[[Record], None]
    on_event: Callable[[Event], None]
    records: list[Record] = field(default_factory=list)
    n_tried: int = 0
    n_failed: int = 0
    log_errors: list[RunLogError] = field(default_factory=list)

    def prepare_kernels(self, specs: Sequence[Spec]) -> None:
        """Compile the kernels that these specs need.

        Progress is reported only for kernels that are actually compiled. Specs that follow are no
        larger and of the same kinds. A point whose kernel cannot be compiled fails in its turn.
        """
        cache_specs = {cache_spec for spec in specs for cache_spec in spec.cache_specs}
        if cache_specs:
            with suppress(ValueError, WorkerError):
                self.workers.call(
                    "gqa_core.measure.prepare",
                    "prepare_kernels",
                    cache_specs,
                    self.device,
                    on_progress=self._report,
                )

    def measure(self, specs: Sequence[Spec]) -> None:
        """Measure a group in a worker of its own, and hand its records on.

        If the worker dies, each spec of a larger group is measured by itself.
        """
        method = METHODS[type(specs[0])]
        activity = f"{method.verb} {describe_group(specs)}"
        self._report(activity)
        try:
            outcomes = method.measure(
                self.workers,
                specs,
                self.device,
                lambda text, n_done: self._report(f"{activity}: {text}", n_done),
            )
        except (ValueError, WorkerError) as error:
            if len(specs) > 1:
                for spec in specs:
                    self.measure([spec])
                return
            outcomes = [str(error)]
        for spec, outcome in zip(specs, outcomes, strict=True):
            self._hand_on(spec, outcome)

    def _hand_on(self, spec: Spec, outcome: object) -> None:
        """Log and emit the record of a measurement, or report why there is none."""
        point = self.n_tried
        self.n_tried += 1
        if isinstance(outcome, str):
            self.on_event(PointFailed(spec=str(spec), reason=outcome))
            self.n_failed += 1
            return
        record = METHODS[type(spec)].to_record(spec, outcome, self.header, point)
        try:
            if self.log is not None:
                self.log.append(record)
        except RunLogError as error:
            self.log_errors.append(error)
        self.on_record(record)
        self.records.append(record)

    def finish(self) -> RunResult:
        """The result of the run, reported; records that wait for the log's server are sent."""
        if self.log is not None and self.log_errors:
            with suppress(RunLogError):
                self.log.send_spooled()
                arrived = RecordSpooledError
                self.log_errors = [e for e in self.log_errors if not isinstance(e, arrived)]
        n_not_logged = len(self.log_errors)
        if self.log_errors:
            reason = str(self.log_errors[0])
            self.on_event(NotLogged(n_records=n_not_logged, n_points=self.n_tried, reason=reason))
        self.on_event(
            Finished(n_points=self.n_tried, n_failed=self.n_failed, n_not_logged=n_not_logged)
        )
        return RunResult(
            records=tuple(self.records), n_failed=self.n_failed, n_not_logged=n_not_logged
        )

    def _report(self, activity: str, n_more: int = 0) -> None:
        """Report an activity, and so many points as done besides those handed on."""
        n_done = self.n_tried + n_more
        self.on_event(Progress(n_done=n_done, n_points=self.n_points, activity=activity))


def _spec_stream(
    specs: Sequence[Spec], next_specs: NextSpecs, max_extra: int, records: Sequence[Record]
) -> Iterator[Sequence[Spec]]:
    """The specs, then those that follow from `records` as they are by then, at most `max_extra`."""
    while specs:
        yield specs
        specs = next_specs(records)[:max_extra]
        max_extra -= len(specs)


def validate_memory(specs: Sequence[Spec], free_bytes: int) -> None:
    """Raise ValueError unless each spec by itself fits into `free_bytes`."""
    for spec in specs:
        if spec.required_bytes > free_bytes:
            raise ValueError(
                f"memory must hold {spec}: it takes {units.capacity(spec.required_bytes)} "
                f"(cache {units.capacity(spec.formula_bytes)}) and {units.capacity(free_bytes)} "
                "are free"
            )
