"""The end of a run's processes when the server that started it is gone, however it ended.

The server holds the other end of the run's stdin. A thread waits until that is closed, removes the
run's temporary folder and ends the process. For that a thread needs Python's lock, which a long
call of a library may hold, and a share of the CPU. So on Linux the kernel ends each process too
(PR_SET_PDEATHSIG), without any of its code: the one that the server started `GRACE_S` after the
server, and what has been started by that one (fork server, workers, ranks) at the same time as it.

This module imports nothing that takes long, so that the watch begins before all other imports.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import select
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

__all__ = [
    "CHILD_BYTES",
    "GRACE_S",
    "TEMPORARY_PREFIX",
    "end_with_parent",
    "is_visitor_run",
    "watch_server",
]

CHILD_BYTES = "GQA_CHILD_BYTES"  # environment: the most that the process may take
TEMPORARY_PREFIX = "gqa-"  # of the folder that the server made for the run
REMOVALS, REMOVAL_S = 40, 0.02
GPU_DRIVER = Path("/dev/nvidiactl")  # reserves address space far beyond what it takes
PR_SET_PDEATHSIG = 1
GRACE_S = 10  # the number of SIGUSR1 on Linux, which _end_after_grace hands to alarm()


def is_visitor_run() -> bool:
    """True in a process of a run that a dashboard started."""
    return CHILD_BYTES in os.environ


def watch_server() -> None:
    """Cap this process, and end it with the server, if a dashboard started it."""
    if not is_visitor_run():
        return
    if "LOCAL_RANK" in os.environ:  # as torchrun sets it, which has the grace
        end_with_parent()
    else:
        _end_after_grace()
    threading.Thread(target=_exit_with_server, daemon=True).start()
    _cap_memory(int(os.environ[CHILD_BYTES]))
    atexit.register(_remove_folder_without_server)  # an end in the same moment leaves no time to it


def end_with_parent() -> None:
    """Have Linux kill this process as soon as the thread that started it is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_after_grace() -> None:
    """Have Linux end this process `GRACE_S` after its parent, unless the thread does so before.

    The kernel sends SIGUSR1, for which the C library's alarm(10) is called: no Python is run. The
    process ends by the SIGALRM that follows.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    library.signal.argtypes = ctypes.c_int, ctypes.c_void_p
    library.signal(signal.SIGUSR1, ctypes.cast(library.alarm, ctypes.c_void_p))
    library.prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)


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


def _cap_memory(n_bytes: int) -> None:
    """Let allocations fail beyond so many bytes, where the system has such a limit."""
    if sys.platform != "linux" or GPU_DRIVER.exists():
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
