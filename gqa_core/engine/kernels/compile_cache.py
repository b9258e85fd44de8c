"""Compiled kernels kept between processes, where that can be done, and never trusted blindly.

Compiling takes seconds, so numba keeps its results in the user's cache folder. numba tells apart
CPUs and the source file of a function, but not what that function was built from, so the folder is
named after the sources of all kernels. Each file lies beside its own hash: what was cut off or
changed is dropped before numba meets it. Without a folder that can be written, every process
compiles for itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numba
import platformdirs
from numba import config

from gqa_core.engine import key_layouts

FAST = {"parallel": True, "nogil": True, "fastmath": {"contract", "nsz"}}


def cached_compile(function: Callable) -> Callable:
    """The function compiled by numba at its first call for a dtype, or loaded if it was before."""
    compiled = numba.njit(**FAST)(function)
    folder = _folder()
    if folder is not None:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = before
    return compiled


def seal() -> None:
    """Note the hash of every file that numba has written, so that it is trusted next time."""
    for path in _files():
        path.with_name(f"{path.name}.sha256").write_text(_hash(path))


@cache
def _folder() -> Path | None:
    """A folder that can be written, without damaged files; None where there is none to be had."""
    files = [key_layouts.__file__, *sorted(Path(__file__).parent.glob("*.py"))]
    sources = b"".join(Path(path).read_bytes() for path in files)
    name = hashlib.sha256(sources + numba.__version__.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("gqa-lab", appauthor=False)) / "kernels" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f"trial-{os.getpid()}"
        trial.write_bytes(b"")
        trial.unlink()
    except OSError:
        return None
    for path in _files(folder):
        sealed = path.with_name(f"{path.name}.sha256")
        if not sealed.exists() or sealed.read_text() != _hash(path):
            path.unlink(missing_ok=True)
    return folder


def _files(folder: Path | None = None) -> list[Path]:
    folder = folder or _folder()
    return [] if folder is None else sorted(folder.rglob("*.nb[ic]"))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
