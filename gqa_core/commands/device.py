"""device: where measurements would run."""

from __future__ import annotations

import json

import click

from gqa_core import units
from gqa_core.commands.options import device_option, json_option


@click.command(short_help="Print the device that measurements run on.")
@device_option
@json_option
def device(device: str, as_json: bool) -> int:
    """Print the device that measurements run on: its name, threads, free memory, torch version."""
    from gqa_core.measure.device import survey

    try:
        answer = survey(device)
    except RuntimeError as error:
        raise click.ClickException(f"the device cannot be used: {error}") from None
    if as_json:
        click.echo(json.dumps(answer))
        return 0
    click.echo(f"{answer['name']} ({answer['type']}, {answer['n_threads']} CPU threads)")
    click.echo(f"{units.capacity(answer['free_bytes'])} free, torch {answer['torch_version']}")
    return 0
