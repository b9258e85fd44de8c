"""Measure specs one after the other: records to --out and the log, progress to stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from gqa_core.commands.files import open_output
from gqa_core.commands.options import RunOptions

if TYPE_CHECKING:
    from gqa_core.records.kinds import Record
    from gqa_core.records.specs.spec import Spec
    from gqa_core.runner.events import Event
    from gqa_core.runner.run import RunResult


def run(
    specs: Sequence[Spec],
    options: RunOptions,
    *,
    next_specs: Callable[[Sequence[Record]], Sequence[Spec]] = lambda records: (),
    max_extra: int = 0,
    on_result: Callable[[RunResult], None] = lambda result: None,
) -> int:
    """The exit code of a run of these specs: 1 unless all were measured and logged.

    `next_specs` and `max_extra` are those of `gqa_core.runner.run.run`.
    """
    from gqa_core.records.kinds import encode_record
    from gqa_core.records.run_log import RunLog
    from gqa_core.runner.machine_lock import MachineLockError
    from gqa_core.runner.run import run as measure
    from gqa_core.runner.workers import WorkerError

    with open_output(options.out) as out:
        try:
            result = measure(
                specs,
                device=options.device,
                log=None if options.no_log else RunLog(options.log),
                on_record=lambda record: click.echo(encode_record(record), file=out),
                on_event=lambda event: report(event, options),
                next_specs=next_specs,
                max_extra=max_extra,
            )
        except (MachineLockError, WorkerError) as error:
            raise click.ClickException(f"nothing was measured: {error}") from None
    on_result(result)
    return 0 if result.is_complete else 1


def report(event: Event, options: RunOptions) -> None:
    """Write an event to stderr: as JSON if asked for, else as a sentence.

    The start of a run is no sentence: it shows with the first point.
    """
    from gqa_core.runner.events import Started, encode_event

    if options.events:
        click.echo(encode_event(event), err=True)
    elif not isinstance(event, Started):
        click.echo(str(event), err=True)


def report_note(text: str, options: RunOptions) -> None:
    """Write a sentence to stderr, as an event if asked for."""
    from gqa_core.runner.events import Note

    report(Note(text=text), options)
