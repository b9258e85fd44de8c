"""One measurement at a time on a machine, whoever starts it: two servers, a server and a terminal.

A file lock that the kernel frees when its holder ends, however that happens. The file lies in a
folder of the whole machine. Whoever measures first creates both, in one step: everybody may lock
the file and only the folder's owner may replace it. Nothing is ever written into it, so that a
planted link can make no run overwrite a file.

`TMPDIR` is not asked: each run of the dashboard has one of its own. Containers have folders of
their own too; GQA_LOCK_FOLDER names one that they share.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["ENVIRONMENT", "MachineLockError", "machine_lock"]

ENVIRONMENT = "GQA_LOCK_FOLDER"
FILE = "measuring.lock"
POLL_S = 0.2
EVERYBODY_LOCKS, OWNER_REPLACES = 0o666, 0o755


class MachineLockError(RuntimeError):
    """The lock cannot be used; the message is one sentence that names the file and the way out."""


@contextmanager
def machine_lock(on_wait: Callable[[int | None], None]) -> Iterator[None]:
    """Hold the machine's lock, after waiting for whoever holds it.

    `on_wait` is called once if there is a wait, with the id of the holder's process, or None where
    the system does not tell it. Of the ranks of one run on a machine only the first takes the lock;
    the others wait for that rank.

    Raises:
        MachineLockError: the file cannot be created or opened.
    """
    if int(os.environ.get("LOCAL_RANK", "0")):  # as torchrun sets it
        yield
        return
    path = lock_folder() / FILE
    # Without preserve_lock_file, a file system that has no locks gets one that outlives its holder.
    lock = FileLock(path, mode=EVERYBODY_LOCKS, preserve_lock_file=True)
    try:
        _create_folder(path.parent)
        _acquire(lock, on_wait)
    except OSError as error:
        raise MachineLockError(
            f"{path}, by which runs on this machine take turns, cannot be locked: "
            f"{error.strerror or error}; {ENVIRONMENT} may name another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def lock_folder() -> Path:
    """The folder that GQA_LOCK_FOLDER names, or the machine's own."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "gqa-lab")
    return Path("/tmp/gqa-lab")


def _acquire(lock: FileLock, on_wait: Callable[[int | None], None]) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        on_wait(_holder_pid(Path(lock.lock_file)))
        lock.acquire(poll_interval=POLL_S)


def _create_folder(folder: Path) -> None:
    """Create the folder unless it is there, with the file, so that nobody meets an empty one."""
    if not os.path.lexists(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".gqa-lab-", dir=folder.parent))
        try:
            (made / FILE).touch()
            (made / FILE).chmod(EVERYBODY_LOCKS)  # whatever the umask is
            made.chmod(OWNER_REPLACES)
            made.rename(folder)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            if not os.path.lexists(folder):  # else another process was faster
                raise
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "its folder is a link or a file")


def _holder_pid(path: Path) -> int | None:
    """The id of the process that holds the lock, where Linux tells it."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:  # "1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF"
        fields = line.split()
        if fields[1] == "FLOCK" and fields[-3].split(":")[-1] == str(inode):
            return int(fields[-4]) or None  # 0: a process of another container
    return None
