"""Reads what visitors paste and upload: bounded first, and outside the web process if it is large.

A parser holds the interpreter for as long as it takes, and every other visitor waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dashboard.shell.visitors import count_import
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits
from gqa_core.runner.outside import call_outside

__all__ = ["most_bytes", "read_paste", "read_upload"]

SMALL_BYTES = 2**16  # are read at once: a process takes longer to start

T = TypeVar("T")


def read_paste(text: str, read: Callable[..., T], *arguments: Any) -> T:
    """The result of `read(text, *arguments)` of a pasted text; `read` is a module's function.

    Raises:
        LimitError: it is too large, or one import too many.
        ValueError: the function raised it, or took too long.
    """
    _require_size("paste_bytes", len(text.encode(errors="surrogatepass")))
    return _read(text, read, *arguments)


def read_upload(data: bytes, read: Callable[..., T], *arguments: Any) -> T:
    """The result of `read(data, *arguments)` of an uploaded file; as `read_paste`."""
    _require_size("upload_bytes", len(data))
    return _read(data, read, *arguments)


def most_bytes(name: str, own: int) -> int:
    """The smaller of a place's own bound on bytes, and the limit of this name."""
    return min(int(getattr(limits(), name)), own)


def _read(data: str | bytes, read: Callable[..., T], *arguments: Any) -> T:
    count_import()
    if len(data) <= SMALL_BYTES:
        return read(data, *arguments)
    outcome: T = call_outside(read.__module__, read.__name__, data, *arguments)
    return outcome


def _require_size(name: str, n_bytes: int) -> None:
    """Raise LimitError if a text or file has more bytes than the limit of this name."""
    if n_bytes > getattr(limits(), name):
        raise limit_error(name, f"this one has {n_bytes:,} bytes")
