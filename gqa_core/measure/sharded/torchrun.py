"""python -m gqa_core.measure.sharded.torchrun: torchrun itself, without its own lines on stderr.

torchrun logs how it ends the ranks, and prints a table and a traceback when one has failed; readers
of events would have to tell these from sentences. A rank says by itself why the run ended. If none
could, such as when one was killed before it had joined the others, this says which one it was.

The watch over a dashboard's server begins before torch is imported, which takes seconds.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from gqa_core.server_watch import watch_server

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """The exit code of torchrun with these arguments: that of rank 0, or 1 if it was killed."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    from gqa_core.measure.sharded.watch import EXIT_REPORTED

    logging.disable(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # else torchrun says that it sets it
    try:
        run.main(list(arguments))
    except SignalException as error:
        return 128 + error.sigval
    except ChildFailedError as error:
        if sentence := _unreported(error.failures):
            click.echo(sentence, err=True)
        code = error.failures[0].exitcode if 0 in error.failures else 1
        return code if 0 < code != EXIT_REPORTED else 1
    return 0


def _unreported(failures: Mapping[int, ProcessFailure]) -> str | None:
    """The sentence of the first rank that was killed, unless a rank has named one already."""
    from gqa_core.measure.sharded.watch import EXIT_REPORTED

    if any(failure.exitcode == EXIT_REPORTED for failure in failures.values()):
        return None
    rank, first = min(failures.items(), key=lambda item: item[1].timestamp)
    if first.exitcode >= 0:  # it has said why
        return None
    return f"rank {rank} (process {first.pid}) was killed by {first.signal_name()}"


if __name__ == "__main__":
    watch_server()
    sys.exit(main(sys.argv[1:]))
