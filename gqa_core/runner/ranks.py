"""Runs of several ranks: their command on this machine, and the loop over their points.

What starts them is torchrun, without its own lines (`measure.sharded.torchrun`). With `--events`
among the arguments the child behaves as that of any other run: rank 0 alone writes one record per
line to stdout and one event per line to stderr (`runner.events`).

When a rank dies, hangs or disagrees, the child says so in one sentence on stderr: as the
`PointFailed` event of the point at hand, as a `Note` between points, or as a plain line before any
rank could measure. Its exit code is not 0, and nothing stays behind: torchrun ends the other ranks,
and a rank ends itself when torchrun is gone. The records of earlier points are in the log and on
stdout by then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from gqa_core.records.header import DeviceInfo, RunHeader
from gqa_core.records.kinds import Record, ShardedRecord
from gqa_core.records.kinds.sharded import ShardedMeasurement
from gqa_core.records.run_log import RunLog, RunLogError
from gqa_core.records.specs.sharded import ShardedSpec
from gqa_core.runner.events import Event, Finished, NotLogged, PointFailed, Progress, Started
from gqa_core.runner.run import RunResult

__all__ = ["RANKS_ENVIRONMENT", "MeasureSharded", "ranks_command", "run_ranks"]

MeasureSharded = Callable[[ShardedSpec, Callable[[str, int], None]], ShardedMeasurement | str]

RANKS_ENVIRONMENT: Mapping[str, str] = MappingProxyType({"OMP_NUM_THREADS": "1"})


def ranks_command(n_ranks: int, arguments: Sequence[str]) -> list[str]:
    """The command that runs `python -m gqa_core` with these arguments on `n_ranks` local ranks.

    The arguments are those of `bench` with `--tp n_ranks`, such as ["bench", "--n-heads", "8",
    "--n-kv-heads", "2", "--head-dim", "64", "--context-len", "1024", "--tp", "2", "--events"].
    """
    launcher = [sys.executable, "-m", "gqa_core.measure.sharded.torchrun", "--standalone"]
    # Behind -- torchrun takes no argument, such as --log, for the beginning of one of its own.
    return [*launcher, "--nproc-per-node", str(n_ranks), "-m", "gqa_core", "--", *arguments]


def run_ranks(
    specs: Sequence[ShardedSpec],
    measure: MeasureSharded,
    *,
    device_info: DeviceInfo,
    log: RunLog | None,
    on_record: Callable[[Record], None],
    on_event: Callable[[Event], None],
) -> RunResult:
    """Measure the specs one after the other, on all ranks together.

    Only rank 0 has a log, and listeners that write; a point that all ranks give up is reported, and
    the rest go on.
    """
    n_points, header = len(specs), RunHeader.new()
    records: list[Record] = []
    log_errors: list[RunLogError] = []
    on_event(Started(n_points=n_points, device_info=device_info))
    for point, spec in enumerate(specs):

        def report(text: str, n_more: int = 0, point: int = point, spec: object = spec) -> None:
            activity = f"timing {spec}" + (f": {text}" if text else "")
            on_event(Progress(n_done=point + n_more, n_points=n_points, activity=activity))

        report("")
        outcome = measure(spec, report)
        if isinstance(outcome, str):
            on_event(PointFailed(spec=str(spec), reason=outcome))
            continue
        record = ShardedRecord.from_measurement(spec, outcome, header, point)
        try:
            if log is not None:
                log.append(record)
        except RunLogError as error:
            log_errors.append(error)
        on_record(record)
        records.append(record)
    n_failed, n_not_logged = n_points - len(records), len(log_errors)
    if log_errors:
        reason = str(log_errors[0])
        on_event(NotLogged(n_records=n_not_logged, n_points=n_points, reason=reason))
    on_event(Finished(n_points=n_points, n_failed=n_failed, n_not_logged=n_not_logged))
    return RunResult(records=tuple(records), n_failed=n_failed, n_not_logged=n_not_logged)
