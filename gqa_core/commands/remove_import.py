"""remove-import: takes imported records out of the run log."""

from __future__ import annotations

import click

from gqa_core import units
from gqa_core.commands.options import log_option


@click.command("remove-import", short_help="Remove imported records from the run log.")
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option("--all", "all_runs", is_flag=True, help="Remove all imported records.")
@log_option
def remove_import(run_ids: tuple[str, ...], all_runs: bool, log: str | None) -> int:
    """Remove the imported records of these runs from the run log.

    RUN is the second column of log. Without RUN, list the runs of imported records, the newest
    import first: run, number of records and device. Records that were measured here are never
    removed.

    \b
    Example:
      remove-import 20261129T152041Z-79fa5cbc
    """
    from gqa_core.records.log.imports import imported_runs, remove_imports
    from gqa_core.records.run_log import RunLog

    run_log = RunLog(log)
    if not run_ids and not all_runs:
        for run in imported_runs(run_log):
            records = units.count(run.n_records, "record")
            click.echo(f"{run.run_id}  {records}  {run.device_name!a}")
        return 0
    known = {run.run_id for run in imported_runs(run_log)}
    if unknown := sorted(set(run_ids) - known):
        where = "measured here and never removed" if run_log.n_records(unknown[0]) else "not in it"
        raise ValueError(f"RUN must have imported records: got {unknown[0][:40]!a}, {where}")
    n_removed = remove_imports(run_log, None if all_runs else run_ids)
    click.echo(f"{units.count(n_removed, 'record')} removed", err=True)
    return 0
