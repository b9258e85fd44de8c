"""A run that a dashboard's visitor started: its caps, and its end when the server is gone.

The server names the bytes that the run's process may take in the environment, and holds the other
end of its stdin. The process then refuses what is over the limits before the first point, caps its
own memory where the system can (RLIMIT_DATA), and ends as soon as its stdin is closed: a killed
server closes it too.
"""

from __future__ import annotations

import atexit
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from gqa_core import units
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits
from gqa_core.records.specs.spec import Spec

__all__ = ["CHILD_BYTES", "TEMPORARY_PREFIX", "is_visitor_run", "supervise", "validate_run"]

REMOVALS, REMOVAL_S = 40, 0.02
CHILD_BYTES = "GQA_CHILD_BYTES"  # environment: the most that the process may take
TEMPORARY_PREFIX = "gqa-"  # of the folder that the server made for the run
GPU_DRIVER = Path("/dev/nvidiactl")  # reserves address space far beyond what it takes


def is_visitor_run() -> bool:
    """True in a process that a dashboard started."""
    return CHILD_BYTES in os.environ


def supervise() -> None:
    """Cap this process, and end it with the server, if a dashboard started it."""
    if not is_visitor_run():
        return
    _cap_memory(int(os.environ[CHILD_BYTES]))
    threading.Thread(target=_exit_with_server, daemon=True).start()
    atexit.register(_remove_folder_without_server)  # an end in the same moment leaves no time to it


def validate_run(specs: Sequence[Spec], max_extra: int, free_bytes: int, n_ranks: int = 1) -> None:
    """Raise ValueError if a run takes the machine, or a visitor's run is over the limits.

    Each of `n_ranks` takes the bytes of a spec, and `free_bytes` are free for all of them.
    """
    margin_bytes = free_bytes * limits().memory_margin_percent // 100
    for spec in specs:
        if free_bytes - margin_bytes < n_ranks * spec.required_bytes <= free_bytes:
            raise limit_error(
                "memory_margin_percent",
                f"{spec} takes {units.decimal(n_ranks * spec.required_bytes)} of "
                f"{units.decimal(free_bytes)} that are free",
            )
    if is_visitor_run():
        _validate_visitor_run(specs, max_extra, free_bytes, n_ranks)


def _validate_visitor_run(
    specs: Sequence[Spec], max_extra: int, free_bytes: int, n_ranks: int
) -> None:
    """Raise ValueError if points, samples or bytes are over the limits."""
    if (n_points := len(specs) + max_extra) > limits().run_points:
        raise limit_error("run_points", f"this one would measure {n_points:,}")
    for spec in specs:
        if (n_samples := getattr(spec, "n_samples", 0)) > limits().run_samples:
            raise limit_error("run_samples", f"{spec} would take {n_samples:,}")
        if (n_bytes := n_ranks * spec.required_bytes) > limits().run_bytes:
            raise limit_error(
                "run_bytes",
                f"{spec} takes {units.decimal(n_bytes)}, and {units.decimal(free_bytes)} are free",
            )


def _cap_memory(n_bytes: int) -> None:
    """Let allocations fail beyond so many bytes, where the system has such a limit."""
    if sys.platform != "linux" or GPU_DRIVER.exists():
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _exit_with_server() -> None:
    """Wait until stdin is closed, then end this process at once; its workers end with it."""
    while os.read(0, 4096):
        pass
    _remove_folder()
    os._exit(1)


def _remove_folder_without_server() -> None:
    """Remove the temporary folder if stdin has ended: the server, which never writes, is gone."""
    if select.select([0], [], [], 0)[0]:
        _remove_folder()


def _remove_folder() -> None:
    """Remove the temporary folder of the run: the killed server cannot."""
    folder = Path(os.environ.get("TMPDIR", ""))
    tries = REMOVALS if folder.name.startswith(TEMPORARY_PREFIX) else 0
    while tries and folder.exists():  # a worker that ends now removes its own part of it
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(REMOVAL_S)
        tries -= 1
