"""log and import: what the run log holds, and records of other machines that go into it."""

from __future__ import annotations

import click

from gqa_core.commands.files import FileAccessError, open_input
from gqa_core.commands.options import json_option, log_option


@click.command("log", short_help="List the records of the run log.")
@log_option
@json_option
def log_(log: str | None, as_json: bool) -> int:
    """List the records of the run log, oldest first.

    One line per record: time (UTC), what was measured, the result, the evidence (measured here or
    elsewhere) and the device. With --json, one array of the records themselves.
    """
    from gqa_core.records.kinds import encode_record
    from gqa_core.records.run_log import RunLog
    from gqa_core.records.summaries import line

    run_log = RunLog(log)
    if log is not None and run_log.is_missing:
        raise FileAccessError(f"log {run_log.name} cannot be read: no such file")
    contents = run_log.read()
    if contents.warning:
        click.echo(contents.warning, err=True)
    if as_json:
        click.echo("[" + ",\n".join(map(encode_record, contents.records)) + "]")
        return 0
    for logged in contents.logged:
        record = logged.record
        when, name = record.created_at[:19], record.device.name
        click.echo(f"{when}  {line(record)}  {logged.evidence:<18}  {name}")
    return 0


@click.command("import", short_help="Add records of another machine to the run log.")
@click.argument("file")
@log_option
def import_(file: str, log: str | None) -> int:
    """Add the records in FILE, measured on another machine, to the run log.

    FILE holds one JSON object per line, as bench and the others print them; - is stdin. Every
    record is validated and labelled "measured elsewhere". Invalid lines are reported and the
    others are added; the exit code is then 1.

    \b
    Example:
      import records-of-another-machine.jsonl
    """
    from gqa_core.records.importing import import_records
    from gqa_core.records.run_log import RunLog

    with open_input(file) as source:
        imported = import_records(source, RunLog(log))
    for sentence in imported.refused:
        click.echo(sentence, err=True)
    click.echo(f"{imported.n_imported} imported, {len(imported.refused)} refused", err=True)
    return 1 if imported.refused else 0
