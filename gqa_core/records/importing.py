"""Imports records of other machines from JSON Lines: right ones are kept, wrong lines are named.

Nothing in a line is believed: it must be one JSON object with exactly the fields of its kind, and
its numbers must agree with each other. A record that passes is kept, labelled as measured
elsewhere. Lines are read one at a time: a page takes a small file whole or not at all, and the
command line takes a stream of any length, a batch per commit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import BinaryIO

import msgspec

from gqa_core.records.header import SCHEMA_VERSION
from gqa_core.records.kinds import KINDS, Record, decode_record, encode_record
from gqa_core.records.run_log import RunLog
from gqa_core.records.structure import convert, validate_complete
from gqa_core.records.upgrade import upgrade
from gqa_core.records.validation import quoted
from gqa_core.strict_json import parse_object

__all__ = ["ImportResult", "import_records", "import_stream", "import_text", "read_record"]

MAX_FILE_BYTES = 64 * 2**20
MAX_LINE_BYTES = 2 * 2**20  # 5 lists of MAX_SAMPLES seconds take about half of it
MAX_LINES = 50_000
BATCH = 500  # lines per commit of a stream: other writers wait for one
MAX_SENTENCE = 240
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ImportResult:
    """The number of records imported, and one sentence per line that was refused."""

    n_imported: int
    refused: tuple[str, ...]


def import_records(source: BinaryIO, log: RunLog) -> ImportResult:
    """Add the records of a file of JSON Lines that are right and new to the log, in one commit.

    Raises:
        ValueError: the file is too large or has too many lines; nothing of it is kept.
        RunLogError: the log cannot be written; nothing is kept.
    """
    return _import_lines([*_lines(source, MAX_FILE_BYTES, MAX_LINES)], log)


def import_text(text: str | bytes, address: str | None) -> ImportResult:
    """Add the records in a text of JSON Lines to the log of this address; as `import_records`."""
    raw = text.encode("utf-8", errors="replace") if isinstance(text, str) else text
    return import_records(BytesIO(raw), RunLog(address))


def import_stream(
    source: BinaryIO, log: RunLog, on_refused: Callable[[str], None]
) -> tuple[int, int]:
    """(lines imported, lines refused) of JSON Lines without an end that is known, in batches.

    `on_refused` is called with one sentence per refused line. What was imported before an error
    stays; after it, the same lines can be imported again.

    Raises:
        RunLogError: the log cannot be written.
    """
    n_imported = n_refused = 0
    lines = _lines(source)
    while batch := [*islice(lines, BATCH)]:
        result = _import_lines(batch, log)
        n_imported += result.n_imported
        n_refused += len(result.refused)
        for sentence in result.refused:
            on_refused(sentence)
    return n_imported, n_refused


def _import_lines(lines: Sequence[tuple[int, bytes | None]], log: RunLog) -> ImportResult:
    """Add the records of these numbered lines that are right and new to the log, in one commit."""
    records: dict[int, Record] = {}
    refused: dict[int, str] = {}
    first_lines: dict[tuple[str, int], int] = {}
    for number, line in lines:
        try:
            record = read_record(line)
            first = first_lines.setdefault((record.run_id, record.point), number)
            if first != number:
                raise ValueError(f"{_name(record)} stands in line {first} already")
            records[number] = record
        except ValueError as error:
            refused[number] = str(error)
    are_new = log.import_records(records.values()) if records else []
    for (number, record), is_new in zip(records.items(), are_new, strict=True):
        if not is_new:
            refused[number] = f"{_name(record)} is in the log already"
    return ImportResult(
        n_imported=sum(are_new),
        refused=tuple(_sentence(number, refused[number]) for number in sorted(refused)),
    )


def read_record(line: bytes | None) -> Record:
    """The validated record in one line; None stands for a line too long to be read.

    Raises:
        ValueError: the line holds no record of a known kind, or one that cannot be true.
    """
    if line is None:
        raise ValueError(f"must be at most {MAX_LINE_BYTES} bytes long: got more")
    record = _own_record(line) or _parsed_record(line)
    record.validate()
    return record


def _own_record(line: bytes) -> Record | None:
    """The record of a line that is byte for byte what this program writes for it, else None.

    Such a line has every field, once and of its type; a line of any other is read with more care,
    which takes five times as long.
    """
    try:
        record = decode_record(line)
    except (ValueError, RecursionError):
        return None
    return record if encode_record(record).encode(errors="replace") == line else None


def _parsed_record(line: bytes) -> Record:
    """The record of a line that anybody may have written, not validated yet."""
    parsed = upgrade(parse_object(line, "record"))
    _validate_version(parsed.get("schema_version"))
    kind = parsed.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}: got {quoted(kind)}")
    record: Record = convert(parsed, KINDS[kind], "record")
    validate_complete(parsed, msgspec.to_builtins(record), "record")
    return record


def _validate_version(version: object) -> None:
    """Raise ValueError unless a line is of this version, or was brought forward to it."""
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ValueError(
            f"schema_version must be {SCHEMA_VERSION}: got {quoted(version)}; keep the file for the"
            " program that wrote it and measure again with this one"
        )


def _lines(
    source: BinaryIO, max_bytes: float = math.inf, max_lines: float = math.inf
) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines that are not blank; None for a line that is too long, which is skipped."""
    number = n_bytes = 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        n_bytes += len(line)
        is_long = len(line) > MAX_LINE_BYTES
        while is_long and not line.endswith(b"\n") and n_bytes <= max_bytes:
            if not (line := source.readline(MAX_LINE_BYTES)):
                break
            n_bytes += len(line)
        if n_bytes > max_bytes:
            raise ValueError(f"a file must be at most {max_bytes} bytes: got more, took none")
        if number > max_lines:
            raise ValueError(f"a file must have at most {max_lines} lines: got more, took none")
        if is_long:
            yield number, None
        elif text := (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip():
            yield number, text


def _name(record: Record) -> str:
    return f"point {record.point} of run {record.run_id}"


def _sentence(number: int, text: str) -> str:
    """One short printable line about a line of the file; the text may quote what came."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = plain if len(plain) <= MAX_SENTENCE else f"{plain[:MAX_SENTENCE]}..."
    return f"line {number}: {plain}"
