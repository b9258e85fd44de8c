"""Starting ranks on this machine: the same command that a user types for torchrun.

`ranks_command` is the argument list of a child process; with `--events` among the arguments it
behaves as the child of any other run: rank 0 alone writes one record per line to stdout and one
event per line to stderr (`runner.events`), so that a `RunJob` reads it as it is. torchrun itself
writes other lines to stderr: with `RANKS_ENVIRONMENT` only when a rank has failed.

When a rank dies, hangs or disagrees, one rank that is left says so in one sentence, as the
`PointFailed` event of the point at hand (a `Note` between points); the exit code is not 0, and
nothing stays behind: torchrun ends the other ranks, and a rank ends itself when torchrun is gone.
The records of earlier points are in the log and on stdout by then.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

__all__ = ["RANKS_ENVIRONMENT", "ranks_command"]

RANKS_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {"LOGLEVEL": "CRITICAL"}  # of torchrun's own lines about the ranks that it ended
)


def ranks_command(n_ranks: int, arguments: Sequence[str]) -> list[str]:
    """The command that runs `python -m gqa_core` with these arguments on `n_ranks` local ranks.

    The arguments are those of `bench` with `--tp n_ranks`, such as ["bench", "--n-heads", "8",
    "--n-kv-heads", "2", "--head-dim", "64", "--context-len", "1024", "--tp", "2", "--events"].
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, "--nproc-per-node", str(n_ranks), "-m", "gqa_core", *arguments]
