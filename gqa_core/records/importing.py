"""Records of other machines, as JSON Lines: what is right is kept, what is wrong is named by line.

Nothing of a line is believed: it must be one JSON object with exactly the fields of its kind, and
its numbers must agree with each other. What passes is kept as it came, labelled as measured
elsewhere. Lines are read one at a time, so that a file far too large is refused, not swallowed.
Which kinds can come, and who checks each, the caller says. Free of torch and pandas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from gqa_core.configs import validate_int
from gqa_core.records import checks
from gqa_core.records.record import VERSIONS, Record
from gqa_core.records.run_log import RunLog
from gqa_core.strict_json import parse_object

MAX_FILE_BYTES = 64 * 2**20
MAX_LINE_BYTES = 2 * 2**20  # 5 lists of MAX_SAMPLES seconds are about half of that
MAX_LINES = 50_000
MAX_POINTS = 1_000_000
MAX_SENTENCE = 240

HEADER = (
    "schema_version",
    "kind",
    "run_id",
    "point",
    "created_at",
    "git_commit",
    "torch_version",
    "device",
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Importable:
    """A kind of record that can come from outside: its own fields, and who checks them.

    `added` tells of some of its fields from which schema version on a record has them.
    """

    fields: tuple[str, ...]
    check: Callable[[Record], None]
    added: Mapping[str, int] = field(default_factory=dict)

    def fields_of(self, version: int) -> tuple[str, ...]:
        """The fields that a record of this schema version has."""
        return tuple(name for name in self.fields if self.added.get(name, 1) <= version)


@dataclass(frozen=True)
class Imported:
    """What became of a file: how many records the log took, and a sentence for each other line."""

    n_taken: int
    refused: tuple[str, ...]


def import_records(source: BinaryIO, log: RunLog, kinds: Mapping[str, Importable]) -> Imported:
    """Keep the records of a file of JSON Lines that are right and new, in one commit.

    Raises:
        ValueError: the file is too large or has too many lines; nothing of it is kept.
        RunLogError: the log cannot be written; nothing is kept.
    """
    records: dict[int, Record] = {}
    refused: dict[int, str] = {}
    first_lines: dict[tuple[str, int], int] = {}
    for number, line in _lines(source):
        try:
            record = read_record(line, kinds)
            first = first_lines.setdefault((record["run_id"], record["point"]), number)
            if first != number:
                raise ValueError(f"{_name(record)} stands in line {first} already")
            records[number] = record
        except ValueError as error:
            refused[number] = str(error)
    are_new = log.import_records(records.values()) if records else []
    for (number, record), is_new in zip(records.items(), are_new, strict=True):
        if not is_new:
            refused[number] = f"{_name(record)} is in the log already"
    return Imported(
        n_taken=sum(are_new),
        refused=tuple(_sentence(number, refused[number]) for number in sorted(refused)),
    )


def read_record(line: bytes | None, kinds: Mapping[str, Importable]) -> Record:
    """The record in one line; None stands for a line too long to be read.

    Raises:
        ValueError: it holds no record of a known kind, or one that cannot be true.
    """
    if line is None:
        raise ValueError(f"must be at most {MAX_LINE_BYTES} bytes long: got more")
    record = parse_object(line, "record")
    version = _require_version(record.get("schema_version"))
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}: got {checks.shown(kind)}")
    checks.require_fields("record", record, (*HEADER, *kinds[kind].fields_of(version)))
    _require_header(record)
    kinds[kind].check(record)
    return record


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines that are not blank; None for one too long, which is skipped unread."""
    number = n_bytes = 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        n_bytes += len(line)
        is_long = len(line) > MAX_LINE_BYTES
        while is_long and not line.endswith(b"\n") and n_bytes <= MAX_FILE_BYTES:
            if not (line := source.readline(MAX_LINE_BYTES)):
                break
            n_bytes += len(line)
        if n_bytes > MAX_FILE_BYTES:
            raise ValueError(f"a file must be at most {MAX_FILE_BYTES} bytes: got more, took none")
        if number > MAX_LINES:
            raise ValueError(f"a file must have at most {MAX_LINES} lines: got more, took none")
        if is_long:
            yield number, None
        elif text := (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip():
            yield number, text


def _require_version(version: object) -> int:
    if type(version) is not int or version not in VERSIONS:
        known = ", ".join(map(str, VERSIONS))
        raise ValueError(f"schema_version must be one of {known}: got {checks.shown(version)}")
    return version


def _require_header(record: Record) -> None:
    if not isinstance(record["run_id"], str) or not RUN_ID.fullmatch(record["run_id"]):
        raise ValueError(
            "run_id must be 1 to 64 letters, digits, dots, dashes: "
            f"got {checks.shown(record['run_id'])}"
        )
    validate_int("point", record["point"], MAX_POINTS, least=0)
    _require_time(record["created_at"])
    commit = record["git_commit"]
    if commit is not None and not (isinstance(commit, str) and COMMIT.fullmatch(commit)):
        raise ValueError(f"git_commit must be a commit's hash or null: got {checks.shown(commit)}")
    checks.require_text("torch_version", record["torch_version"], 60)
    checks.require_device(record["device"])


def _require_time(value: object) -> None:
    """A moment as `datetime.isoformat` writes it in UTC, and not one still to come."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    is_utc = moment is not None and moment.utcoffset() == timedelta(0)
    if not is_utc or moment.isoformat() != value:
        raise ValueError(
            "created_at must be a UTC time like 2026-01-31T12:00:00+00:00: "
            f"got {checks.shown(value)}"
        )
    if moment > datetime.now(UTC) + timedelta(days=1):
        raise ValueError(f"created_at must not lie in the future: got {checks.shown(value)}")


def _name(record: Record) -> str:
    return f"point {record['point']} of run {record['run_id']}"


def _sentence(number: int, text: str) -> str:
    """One line of characters that show, cut short: the text may quote what came."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = plain if len(plain) <= MAX_SENTENCE else f"{plain[:MAX_SENTENCE]}..."
    return f"line {number}: {plain}"
