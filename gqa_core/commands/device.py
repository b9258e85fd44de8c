"""device: where measurements would run."""

from __future__ import annotations

import click
import msgspec

from gqa_core import units
from gqa_core.commands.options import device_option, json_option


@click.command(short_help="Print the device that measurements run on.")
@device_option
@json_option
def device(device: str, as_json: bool) -> int:
    """Print the device that measurements run on: its name, threads, free memory, torch version."""
    from gqa_core.measure.device import device_info

    try:
        info = device_info(device)
    except RuntimeError as error:
        raise click.ClickException(f"the device cannot be used: {error}") from None
    if as_json:
        click.echo(msgspec.json.encode(info))
        return 0
    click.echo(f"{info.name} ({info.type}, {info.n_threads} CPU threads)")
    click.echo(f"{units.capacity(info.free_bytes)} free, torch {info.torch_version}")
    return 0
