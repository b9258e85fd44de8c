"""Compiled kernels on disk, shared by processes, each file checked before it is used.

Compiling takes seconds, so numba stores its results in the user's cache folder. numba distinguishes
CPUs and the source file of a function, but not the sources that this function calls, so the folder
is named after the sources of the whole kernel. Each file has a checksum beside it: a truncated or
changed file is deleted before numba reads it. Without a writable folder, every process compiles
for itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs

from gqa_core.engine import key_layouts
from gqa_core.engine.split_kv.products import FASTMATH

config: Any = numba.config  # its settings are added at run time
NJIT_OPTIONS: dict[str, Any] = {"parallel": True, "nogil": True, "fastmath": FASTMATH}


def njit_cached(function: Callable) -> Callable:
    """The function, compiled by numba at its first call per dtype or loaded from the cache."""
    compiled = numba.njit(**NJIT_OPTIONS)(function)
    folder = _folder()
    if folder is not None:
        previous, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = previous
    return compiled


def write_checksums() -> None:
    """Write the checksum of every file that numba has stored, where it is not there already.

    Each is replaced whole: a process that starts meanwhile deletes what has no right checksum.
    """
    for path in _files(_folder()):
        with suppress(FileNotFoundError):  # another process found it without its checksum
            checksum = _checksum(path)
            if _expected_checksum(path) != checksum:
                trial = path.with_name(f"{path.name}.{os.getpid()}")
                trial.write_text(checksum)
                trial.replace(_checksum_path(path))


@cache
def _folder() -> Path | None:
    """The cache folder of these sources, without damaged files; None if it is not writable."""
    sources = [Path(key_layouts.__file__), *sorted(Path(__file__).parent.glob("*.py"))]
    contents = b"".join(path.read_bytes() for path in sources)
    name = hashlib.sha256(contents + numba.__version__.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("gqa-lab", appauthor=False)) / "kernels" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f"trial-{os.getpid()}"
        trial.write_bytes(b"")
        trial.unlink()
    except OSError:
        return None
    for path in _files(folder):
        with suppress(FileNotFoundError):  # another process deletes it too
            if _expected_checksum(path) != _checksum(path):
                path.unlink()
    return folder


def _files(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(folder.rglob("*.nb[ic]"))


def _checksum_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _expected_checksum(path: Path) -> str | None:
    """The checksum in the file beside it; None without one."""
    try:
        return _checksum_path(path).read_text()
    except FileNotFoundError:
        return None


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
