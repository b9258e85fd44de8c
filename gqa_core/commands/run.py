"""Measure specs one after the other: records to --out and the log, progress to stderr."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gqa_core.commands.files import open_output
from gqa_core.commands.options import RunOptions

if TYPE_CHECKING:
    from gqa_core.records.record import Kind, Point


def run(tasks: Sequence[tuple[Kind, Point]], options: RunOptions, **search: Any) -> int:
    """The exit code of a run of these tasks: 1 unless all were measured and logged.

    `search` are the arguments of `run_specs` for tasks that follow from the first results.
    """
    from gqa_core.records.run_log import RunLog
    from gqa_core.runner.run import run_specs
    from gqa_core.runner.workers import WorkerError

    with open_output(options.out) as out:
        try:
            failed = run_specs(
                tasks,
                device=options.device,
                log=None if options.no_log else RunLog(options.log),
                emit=lambda record: click.echo(json.dumps(record), file=out),
                say=lambda text: click.echo(text, err=True),
                **search,
            )
        except WorkerError as error:
            raise click.ClickException(f"nothing was measured: {error}") from None
    return 1 if failed else 0
