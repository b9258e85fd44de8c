"""prepare: compiles the kernels before anybody waits for them."""

from __future__ import annotations

import click


@click.command(short_help="Compile the kernels, so that no run waits for it.")
def prepare() -> None:
    """Compile the kernels of all number formats for this CPU, or find them compiled.

    What is compiled goes to stderr. A host runs this before the first visitor comes; everywhere
    else the first run that needs a kernel compiles it.
    """
    from gqa_core.measure.prepare import all_cache_specs, prepare_kernels

    prepare_kernels(all_cache_specs(), "cpu", on_progress=lambda text: click.echo(text, err=True))
