"""Temporary folders of runs: removed with the run, by its child if the server is killed, or later.

A folder's name has the process of the server that made it, so that the next server that starts can
tell the folders of servers that are gone. No streamlit in this file.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

from gqa_core.server_watch import TEMPORARY_PREFIX

__all__ = ["remove_folders_of_ended_servers", "run_folder"]


def run_folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder for the temporary files of one run."""
    return tempfile.TemporaryDirectory(
        prefix=f"{TEMPORARY_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
    )


def remove_folders_of_ended_servers(folder: Path | None = None) -> None:
    """Remove the folders of runs whose server is gone."""
    try:
        place = folder or Path(tempfile.gettempdir())
    except FileNotFoundError:  # no folder for temporary files: a run will say so
        return
    for entry in place.glob(f"{TEMPORARY_PREFIX}*"):
        match = re.fullmatch(rf"{TEMPORARY_PREFIX}(\d+)-\w+", entry.name)
        if match and not psutil.pid_exists(int(match[1])):
            shutil.rmtree(entry, ignore_errors=True)
