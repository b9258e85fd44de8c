"""Reads numbers and bytes from the start of a file, in pieces, and skips the rest by seeking.

A header names lengths before the bytes themselves, and a hostile one names lengths that are not
there. So nothing is read or allocated beyond one piece, and every length is checked against the
size of the file first.
"""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO

__all__ = ["PIECE_BYTES", "ByteSource", "TruncatedError"]

PIECE_BYTES = 2**20


class TruncatedError(ValueError):
    """The bytes end before a value is complete."""


class ByteSource:
    """Reads a seekable file of `size` bytes from its start on."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._piece = b""
        self._start = 0  # of the piece, in the file
        self._offset = 0  # of the next byte, in the piece

    @property
    def position(self) -> int:
        """Bytes read and skipped so far."""
        return self._start + self._offset

    def number(self, form: Struct) -> int | float | bool:
        """The number of this form.

        Raises:
            TruncatedError: the bytes end before it is complete.
        """
        self._load(form.size)
        value = form.unpack_from(self._piece, self._offset)[0]
        self._offset += form.size
        return value

    def numbers(self, form: Struct, count: int) -> list[int | float | bool]:
        """`count` numbers of this form, all of which must fit in one piece.

        Raises:
            TruncatedError: the bytes end before they are complete.
        """
        self._load(form.size * count)
        end = self._offset + form.size * count
        values = [entry[0] for entry in form.iter_unpack(self._piece[self._offset : end])]
        self._offset = end
        return values

    def read(self, length: int) -> bytes:
        """`length` bytes, at most one piece.

        Raises:
            TruncatedError: the bytes end before them.
        """
        self._load(length)
        self._offset += length
        return self._piece[self._offset - length : self._offset]

    def skip(self, length: int) -> None:
        """Skip `length` bytes unread.

        Raises:
            TruncatedError: the file ends before them.
        """
        if self.position + length > self._size:
            raise TruncatedError(f"got {self._size} bytes, and {length} more are to come")
        self._offset += length

    def skip_strings(self, length_form: Struct, count: int) -> None:
        """Skip `count` strings, each of which follows its own length.

        Raises:
            TruncatedError: the file ends before them.
        """
        unpack, width = length_form.unpack_from, length_form.size
        while count:
            self._load(width)
            piece, offset = self._piece, self._offset
            last = len(piece) - width
            while count and offset <= last:
                offset += width + unpack(piece, offset)[0]
                count -= 1
            if self._start + offset > self._size:
                raise TruncatedError(f"got {self._size} bytes, and a string ends after them")
            self._offset = offset

    def _load(self, length: int) -> None:
        """Have the next `length` bytes in the piece.

        Raises:
            TruncatedError: the file ends before them.
        """
        if self._offset + length <= len(self._piece):
            return
        position = self.position
        if position + length > self._size:
            raise TruncatedError(f"got {self._size} bytes, and {length} more are to come")
        self._file.seek(position)
        self._piece = self._file.read(max(PIECE_BYTES, length))
        self._start, self._offset = position, 0
        if len(self._piece) < length:
            raise TruncatedError(f"got {position + len(self._piece)} bytes, and more are to come")
