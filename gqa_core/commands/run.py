"""How a command measures: every point in turn, its record kept, and its progress told."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gqa_core.commands.files import writing

if TYPE_CHECKING:
    from gqa_core.records.record import Kind, Point


def run(tasks: Sequence[tuple[Kind, Point]], arguments: argparse.Namespace, **search: Any) -> int:
    """Measure the tasks; records to --out and the log, progress and sentences to stderr.

    `search` is what `run_specs` takes of tasks that follow from what came out.
    """
    from gqa_core.records.run_log import RunLog
    from gqa_core.runner.run import run_specs
    from gqa_core.runner.workers import WorkerError

    if arguments.no_log and arguments.log is not None:
        raise ValueError("--no-log and --log exclude each other: got both")
    with writing(arguments.out) as out:
        try:
            failed = run_specs(
                tasks,
                device=arguments.device,
                log=None if arguments.no_log else RunLog(arguments.log),
                emit=lambda record: print(json.dumps(record), file=out, flush=True),
                say=lambda text: print(text, file=sys.stderr, flush=True),
                **search,
            )
        except WorkerError as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            return 1
    return 1 if failed else 0
