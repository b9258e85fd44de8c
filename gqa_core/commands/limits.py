"""limits: the limits of a dashboard's visitors, and the variables that set them."""

from __future__ import annotations

from dataclasses import asdict

import click

from gqa_core.commands.options import json_option


@click.command("limits", short_help="List the limits of a dashboard's visitors.")
@json_option
def limits_(as_json: bool) -> None:
    """List what visitors of the dashboard may ask of this machine, as a table of Markdown.

    Each limit is a variable of the environment. It has a default for your own machine and a strict
    one for a server that strangers reach, which GQA_HOSTED=1 chooses. What the environment gives it
    now stands beside them.
    """
    import json

    from gqa_core.limits.settings import limits
    from gqa_core.limits.table import limit_rows, markdown

    rows = limit_rows(limits())
    click.echo(json.dumps([asdict(row) for row in rows], indent=1) if as_json else markdown(rows))
