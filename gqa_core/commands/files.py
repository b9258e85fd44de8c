"""Where a command reads from and writes to: a file, or - for the standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO, TextIO


@contextmanager
def reading(path: str) -> Iterator[BinaryIO]:
    """Where records come from: stdin for -, else the file."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as source:
            yield source
    except OSError as error:
        raise ValueError(f"file {path} cannot be read: {error.strerror}") from None


@contextmanager
def writing(path: str) -> Iterator[TextIO]:
    """Where records go: stdout for -, else the file, appended to and not left behind empty."""
    if path == "-":
        yield sys.stdout
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ValueError(f"out {path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    finally:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.remove(path)
