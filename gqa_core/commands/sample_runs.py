"""sample-runs: measure the records that ship, which pages show before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gqa_core.commands.files import open_output
from gqa_core.commands.options import FileName, device_option

if TYPE_CHECKING:
    from gqa_core.records.kinds import Record
    from gqa_core.sample_runs.plan import Part


@click.command("sample-runs", short_help="Measure the sample runs that pages show at first.")
@click.option(
    "--out",
    type=FileName(),
    required=True,
    metavar="FILE",
    help="Where to write the records; its name ends in .jsonl.gz. Parts that it holds already are "
    "not measured again.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Measure a few small points, once, and keep noisy ones: to try the command.",
)
@device_option
def sample_runs(out: str, quick: bool, device: str) -> int:
    """Measure the sample runs that the dashboard shows before anything is measured.

    Decode steps of the settings with which the pages open, at every context from 64 to 32768, in
    float32 and bfloat16, with a search for crossovers; quantised caches; generation with and
    without a cache; caches that grow; and all comparisons. What other work disturbs is measured
    again, at most four times; what stays disturbed is not written, and the exit code is 1. Takes
    about ten minutes on a quiet machine.

    \b
    Example:
      sample-runs --out gqa_core/sample_runs/cpu.jsonl.gz
    """
    from gqa_core.sample_runs.measure import is_measured
    from gqa_core.sample_runs.plan import quick_plan, sample_plan
    from gqa_core.sample_runs.reader import SUFFIX, read_sample_file

    path = Path(out)
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"out must end in {SUFFIX}: got {path.name}")
    with open_output(out):  # fails now, rather than after minutes of measuring
        pass
    records = read_sample_file(path) if path.exists() else []
    n_disturbed = 0
    for part in quick_plan() if quick else sample_plan():
        if is_measured(part, records):
            click.echo(f"{part.name}: in {path} already", err=True)
        elif not _measure(part, device, records, path, keep_noisy=quick):
            n_disturbed += 1
    if n_disturbed:
        are = "part stays disturbed and is" if n_disturbed == 1 else "parts stay disturbed and are"
        raise click.ClickException(f"{n_disturbed} {are} not written: run again on a quiet machine")
    return 0


def _measure(
    part: Part, device: str, records: list[Record], path: Path, *, keep_noisy: bool
) -> bool:
    """Measure a part and write it with the `records` so far; False if it may not ship."""
    from gqa_core.runner.machine_lock import MachineLockError
    from gqa_core.runner.workers import WorkerError
    from gqa_core.sample_runs.measure import MAX_TRIES, measure_part
    from gqa_core.sample_runs.reader import write_sample_file

    try:
        new, doubts = measure_part(
            part,
            device=device,
            on_event=lambda event: click.echo(f"{part.name}: {event}", err=True),
            max_tries=1 if keep_noisy else MAX_TRIES,
        )
    except (MachineLockError, WorkerError) as error:
        raise click.ClickException(f"nothing was measured: {error}") from None
    for sentence in doubts:
        click.echo(f"{part.name}, disturbed: {sentence}", err=True)
    if doubts and not keep_noisy:
        return False
    records += new
    write_sample_file(path, records)
    return True
