"""log and import: what the run log holds, and records of other machines that go into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gqa_core import units
from gqa_core.commands.files import FileAccessError, open_input
from gqa_core.commands.options import json_option, log_option
from gqa_core.records.log.errors import RunLogError, unreadable_sentence

if TYPE_CHECKING:
    from gqa_core.records.run_log import LoggedRecord, RunLog


@click.command("log", short_help="List the records of the run log.")
@log_option
@json_option
@click.option(
    "--jsonl", "as_lines", is_flag=True, help="Print one JSON object per line, as import reads it."
)
def log_(log: str | None, as_json: bool, as_lines: bool) -> int:
    """List the records of the run log, oldest first.

    One line per record: time (UTC), run, what was measured, the result, the evidence and the device
    with its machine, if GQA_MACHINE named it. The evidence of a record that another named machine
    wrote into this log is "measured on" its name. remove-import takes runs measured elsewhere.

    With --json, one array of the records themselves. A log of any length is printed as it is read.
    """
    from gqa_core.records.run_log import RunLog

    run_log = RunLog(log)
    if log is not None and run_log.is_missing:
        raise FileAccessError(f"log {run_log.name} cannot be read: no such file")
    _send_spooled(run_log)
    n_unreadable = 0
    separator = "[" if as_json else ""
    for part in run_log.stream():
        n_unreadable += part.n_unreadable
        for logged in part.logged:
            click.echo(separator + _text(logged, as_json=as_json or as_lines), nl=not as_json)
            separator = ",\n" if as_json else ""
    if as_json:
        click.echo("[]" if separator == "[" else "]")
    if warning := unreadable_sentence(n_unreadable):
        click.echo(warning, err=True)
    return 0


def _text(logged: LoggedRecord, *, as_json: bool) -> str:
    """A record as JSON, or as one line for people."""
    from gqa_core.records.kinds import encode_record
    from gqa_core.records.summaries import line

    record = logged.record
    if as_json:
        return encode_record(record)
    when, device = record.created_at[:19], record.device
    name = f"{device.name}, {device.machine}" if device.machine else device.name
    return f"{when}  {record.run_id:<25}  {line(record)}  {_evidence(logged):<18}  {name}"


def _evidence(logged: LoggedRecord) -> str:
    """The evidence of a record; in a log that machines share, the one that measured it."""
    from gqa_core.records.header import MEASURED_HERE, own_machine

    machine = logged.record.device.machine
    if logged.evidence != MEASURED_HERE or machine in (None, own_machine()):
        return logged.evidence
    return f"measured on {machine}"


def _send_spooled(run_log: RunLog) -> None:
    """Send the records that wait for the log's server, and say so."""
    if not run_log.n_spooled:
        return
    try:
        n_sent = run_log.send_spooled()
        click.echo(f"{units.count(n_sent, 'waiting record')} sent to the log", err=True)
    except RunLogError as error:
        n_records = units.count(run_log.n_spooled, "record")
        click.echo(f"{n_records} not in the log yet: {error}", err=True)


@click.command("import", short_help="Add records of another machine to the run log.")
@click.argument("file")
@log_option
def import_(file: str, log: str | None) -> int:
    """Add the records in FILE, measured on another machine, to the run log.

    FILE holds one JSON object per line, as bench and the others print them; - is stdin. It is read
    as a stream, whatever its length. Every record is validated and labelled "measured elsewhere".
    Invalid lines are reported and the others are added; the exit code is then 1.

    \b
    Example:
      import records-of-another-machine.jsonl
    """
    from gqa_core.records.importing import import_stream
    from gqa_core.records.run_log import RunLog

    with open_input(file) as source:
        n_imported, n_refused = import_stream(
            source, RunLog(log), lambda sentence: click.echo(sentence, err=True)
        )
    click.echo(f"{n_imported} imported, {n_refused} refused", err=True)
    return 1 if n_refused else 0
