"""bench --tp: one process of a run of several ranks, which torchrun started.

All ranks measure; rank 0 writes records and events, and another one only the sentence that names a
rank which died, hung or failed, if it is the first to notice.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from gqa_core.commands.files import open_output
from gqa_core.commands.options import RunOptions
from gqa_core.commands.run import report

if TYPE_CHECKING:
    from gqa_core.measure.sharded.environment import RankEnvironment
    from gqa_core.measure.sharded.process import RankProcess
    from gqa_core.records.run_log import RunLog
    from gqa_core.records.specs.decode import DecodeSpec
    from gqa_core.records.specs.sharded import ShardedSpec
    from gqa_core.runner.events import Event
    from gqa_core.runner.run import RunResult


def run_on_ranks(specs: Sequence[DecodeSpec], tp: int, dcp: int, options: RunOptions) -> int:
    """The exit code of this rank: 1 unless all were measured and, on rank 0, logged.

    Raises:
        ValueError: torchrun did not start `tp` ranks, they cannot split a layer, or one cannot run.
    """
    from gqa_core.measure.sharded.environment import RankEnvironment
    from gqa_core.measure.sharded.signals import hold_signals
    from gqa_core.records.specs.sharded import sharded_specs

    hold_signals()  # before torch starts threads
    environment = RankEnvironment.from_variables(tp)
    return _run_rank(sharded_specs(specs, tp, dcp), environment, options)


def _run_rank(
    specs: Sequence[ShardedSpec], environment: RankEnvironment, options: RunOptions
) -> int:
    from gqa_core.measure.sharded.agreement import DisagreementError
    from gqa_core.measure.sharded.process import RankProcess
    from gqa_core.measure.sharded.watch import EXIT_FAILED, EXIT_REPORTED
    from gqa_core.records.kinds import ShardedRecord
    from gqa_core.records.run_log import RunLog, RunLogError
    from gqa_core.records.summaries import rank_line

    voice = _Voice(environment, options)
    log, problem = None, None
    if environment.rank == 0 and not options.no_log:
        try:
            log = RunLog(options.log)
            if notice := log.prepare():
                voice.note(notice)
        except (ValueError, RunLogError) as error:  # the other ranks have to hear of it
            problem = str(error)
    problem = problem or _limit_problem(specs, environment, options.device)
    try:
        process = RankProcess(environment, options.device, specs, voice.name_rank, problem)
    except DisagreementError as error:
        if environment.rank:
            sys.exit(EXIT_FAILED)
        voice.name_rank(str(error))
        sys.exit(EXIT_REPORTED)
    try:
        result = _measure(specs, process, options, log, voice)
        process.leave()
    except Exception as error:  # noqa: BLE001 - whatever ends one rank ends all
        process.watch.end(error)
    if not options.events:  # a program reads the records
        for record in result.records:
            assert isinstance(record, ShardedRecord)
            voice.note(rank_line(record))
    return 0 if result.is_complete else 1


def _limit_problem(
    specs: Sequence[ShardedSpec], environment: RankEnvironment, device_name: str
) -> str | None:
    """The limit that refuses these specs on the ranks of this machine; None if none does.

    A device that cannot be used, or has too little memory, is found when the ranks join.
    """
    from gqa_core.measure.device import find_device, free_bytes
    from gqa_core.runner.visitor_run import validate_run

    n_ranks = environment.local_world_size
    try:
        device = find_device(device_name)
    except ValueError:
        return None
    free = free_bytes(device) * (1 if device.type == "cpu" else n_ranks)  # a GPU is a rank's own
    try:
        validate_run(specs, 0, free, n_ranks)
    except ValueError as error:
        return str(error)
    return None


def _measure(
    specs: Sequence[ShardedSpec],
    process: RankProcess,
    options: RunOptions,
    log: RunLog | None,
    voice: _Voice,
) -> RunResult:
    """The result of the run on this rank."""
    from gqa_core.measure.device import device_info
    from gqa_core.measure.prepare import prepare_kernels
    from gqa_core.measure.sharded.measure import measure_sharded
    from gqa_core.records.kinds import encode_record
    from gqa_core.runner.events import Waiting
    from gqa_core.runner.machine_lock import machine_lock
    from gqa_core.runner.ranks import run_ranks

    is_first = process.rank == 0
    with (
        open_output(options.out) if is_first else nullcontext(None) as out,
        machine_lock(lambda holder_pid: voice.emit(Waiting(holder_pid=holder_pid))),
    ):
        process.first_on_node("lock", lambda: None)
        cache_specs = {cache for spec in specs for cache in spec.cache_specs}
        process.first_on_node(
            "kernels",
            lambda: prepare_kernels(cache_specs, options.device, on_progress=voice.note),
        )
        process.wait_for_nodes("kernels")  # another machine may be busy with another run
        return run_ranks(
            specs,
            lambda spec, on_progress: measure_sharded(spec, process, on_progress),
            device_info=device_info(str(process.device)),
            log=log,
            on_record=lambda record: (
                click.echo(encode_record(record), file=out) if is_first else None
            ),
            on_event=voice.emit,
        )


class _Voice:
    """The events of a rank: all of rank 0, and of the others none but that a rank is at fault."""

    def __init__(self, environment: RankEnvironment, options: RunOptions) -> None:
        self._is_first, self._options = environment.rank == 0, options
        self._activity = ""

    def emit(self, event: Event) -> None:
        """Report an event, on rank 0."""
        from gqa_core.runner.events import Progress

        if isinstance(event, Progress):
            self._activity = event.activity
        if self._is_first:
            report(event, self._options)

    def note(self, text: str) -> None:
        """Report a sentence, on rank 0."""
        from gqa_core.runner.events import Note

        self.emit(Note(text=text))

    def name_rank(self, sentence: str) -> None:
        """Report that a rank is at fault, from whichever rank this is."""
        from gqa_core.runner.events import Note, PointFailed

        spec = self._activity.partition("timing ")[2].partition(": ")[0]
        event = PointFailed(spec=spec, reason=sentence) if spec else Note(text=sentence)
        report(event, self._options)
