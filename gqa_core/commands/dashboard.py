"""dashboard: serves the Streamlit app, by serve.py, which adds security headers and /ready.

The app is a folder of its own, with the theme and the server's settings beside it, where Streamlit
reads them whatever the current folder is. The server runs in this process, which has no current
folder on its path: a folder named `gqa_core` there is not imported.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import click

from gqa_core.commands.files import FileAccessError
from gqa_core.commands.options import int_option

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
APP_FOLDERS = (PACKAGE_PARENT / "gqa_lab", PACKAGE_PARENT)  # in a wheel, in the repository


@click.command(short_help="Serve the dashboard.")
@int_option(
    "port", 65535, least=0, help="Port to listen on.  [default: 8501, or the next free one]"
)
@click.option(
    "--address",
    metavar="HOST",
    help="Address to listen on; 0.0.0.0 serves the network.  [default: localhost]",
)
def dashboard(port: int | None, address: str | None) -> None:
    """Serve the dashboard until Ctrl-C, at http://localhost:8501 by default."""
    if (log := os.environ.get("GQA_RUN_LOG")) and "://" not in log:
        # Measurements run in child processes, whose current folder is the app's.
        os.environ["GQA_RUN_LOG"] = os.path.abspath(log)
    from gqa_core.limits.settings import limits

    limits()  # a wrong one stops the start
    if address == "":
        raise ValueError("address must be a host name or an IP address: got an empty one")
    options = [] if port is None else ["--server.port", str(port)]
    if address is not None:
        # A named server is not looked for: Streamlit would ask an outside host for its address.
        name = socket.gethostname() if address in ("0.0.0.0", "::") else address
        options += ["--server.address", address, "--browser.serverAddress", name]
    signal.signal(signal.SIGTERM, _exit)
    sys.argv = ["streamlit", "run", str(script_path()), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _exit(signum: int, _frame: FrameType | None) -> None:
    """Exit as Python does, with what is registered for its end: temporary files are removed.

    The server itself catches SIGTERM, stops, and raises it again, which would end the process.
    """
    sys.exit(128 + signum)


def script_path() -> Path:
    """The path of the dashboard's serve.py: installed, or in the repository.

    Raises:
        FileAccessError: there is none.
    """
    for folder in APP_FOLDERS:
        if (folder / "serve.py").is_file() and (folder / "dashboard").is_dir():
            return folder / "serve.py"
    raise FileAccessError(f"serve.py of the dashboard cannot be read: none below {PACKAGE_PARENT}")
