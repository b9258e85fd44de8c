"""gqa-lab: opens the dashboard, or runs a subcommand of `python -m gqa_core`.

The dashboard is a Streamlit app in a folder of its own, with the theme and the server's settings
beside it, where Streamlit reads them whatever the current folder is. Its server runs in this
process, which has no current folder on its path: a folder named `gqa_core` there is not imported.
"""

from __future__ import annotations

import os
import runpy
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gqa_core import cli

PACKAGE_PARENT = Path(__file__).resolve().parents[1]
APP_FOLDERS = (PACKAGE_PARENT / "gqa_lab", PACKAGE_PARENT)  # in a wheel, in the repository


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `gqa-lab` with these arguments; without any, the dashboard is served."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] != "dashboard":
        return cli.main(arguments)
    return dashboard.main(arguments[1:], prog_name="gqa-lab dashboard", standalone_mode=True)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: 8501 or the next]"
)
@click.option(
    "--address", help="Address to listen on; 0.0.0.0 serves the network.  [default: localhost]"
)
def dashboard(port: int | None, address: str | None) -> None:
    """Serve the dashboard until Ctrl-C."""
    if log := os.environ.get("GQA_RUN_LOG"):
        # Measurements run in child processes, whose current folder is the app's.
        os.environ["GQA_RUN_LOG"] = os.path.abspath(log)
    options = [] if port is None else ["--server.port", str(port)]
    if address is not None:
        # A named server is not looked for: Streamlit would ask an outside host for its address.
        name = socket.gethostname() if address in ("0.0.0.0", "::") else address
        options += ["--server.address", address, "--browser.serverAddress", name]
    sys.argv = ["streamlit", "run", str(app_path()), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def app_path() -> Path:
    """The path of the dashboard's app.py: installed, or in the repository."""
    for folder in APP_FOLDERS:
        if (folder / "app.py").is_file() and (folder / "dashboard").is_dir():
            return folder / "app.py"
    raise click.ClickException(f"the dashboard's app.py is missing below {PACKAGE_PARENT}")
