"""Input and output of a command: a file, or - for the standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO, TextIO

import click

IO_EXIT_CODE = 3


class FileAccessError(click.ClickException):
    """A file cannot be read or written; the message names it and the reason."""

    exit_code = IO_EXIT_CODE


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """The file to read bytes from: stdin for -.

    Raises:
        FileAccessError: it cannot be opened or read.
    """
    if path == "-" and sys.stdin is None:
        raise FileAccessError("stdin cannot be read: it is closed")
    with (
        reading(path),
        nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as source,
    ):
        yield source


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Name the file or folder in the error if the block cannot read it.

    Raises:
        FileAccessError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise FileAccessError(f"file {path} cannot be read: {error.strerror}") from None


def file_size(source: BinaryIO) -> int | None:
    """Bytes of a file that can be sought in, None for a stream."""
    if not source.seekable():
        return None
    position = source.tell()
    size = source.seek(0, os.SEEK_END)
    source.seek(position)
    return size


@contextmanager
def open_output(path: str) -> Iterator[TextIO]:
    """The file to append text to: stdout for -. A new file that stays empty is removed.

    Raises:
        FileAccessError: it cannot be opened.
    """
    if path == "-":
        yield sys.stdout
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise FileAccessError(f"out {path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    finally:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.remove(path)
