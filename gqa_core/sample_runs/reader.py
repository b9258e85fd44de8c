"""The records of the sample runs that ship, read from compressed JSON Lines.

To keep the files small, a decode step ships with at most MAX_PASSES of its passes, evenly spaced in
time, and its samples rounded to DIGITS significant digits, which moves none by more than 0.05%.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gqa_core.records.kinds import DecodeRecord, Record, decode_record, encode_record

__all__ = [
    "COMMAND",
    "FOLDER",
    "SUFFIX",
    "SampleRuns",
    "read_sample_file",
    "sample_runs",
    "write_sample_file",
]

FOLDER = Path(__file__).parent
SUFFIX = ".jsonl.gz"
COMMAND = "python -m gqa_core sample-runs --out gqa_core/sample_runs/cpu.jsonl.gz"
DIGITS = 4
MAX_PASSES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRuns:
    """The records of a folder's files, and a sentence per file that cannot be read."""

    records: tuple[Record, ...]
    warnings: tuple[str, ...]


def sample_runs(folder: Path) -> SampleRuns:
    """All sample runs in a folder, one file after the other; none without files."""
    records: list[Record] = []
    warnings = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            records += read_sample_file(path)
        except ValueError as error:
            warnings.append(str(error))
    return SampleRuns(records=tuple(records), warnings=tuple(warnings))


def read_sample_file(path: Path) -> list[Record]:
    """The records of one file, in its order.

    Raises:
        ValueError: it cannot be opened, is damaged, or is of another version of the records.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
        return [decode_record(line) for line in lines]
    except (ValueError, EOFError, zlib.error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(
            f"sample runs must be records of this version: {path.name} cannot be read ({reason}); "
            f"delete it and measure again with {COMMAND}"
        ) from None


def write_sample_file(path: Path, records: Iterable[Record]) -> None:
    """Write these records; equal records give equal bytes."""
    lines = "".join(encode_record(_compact(record)) + "\n" for record in records)
    path.write_bytes(gzip.compress(lines.encode(), compresslevel=9, mtime=0))


def _compact(record: Record) -> Record:
    """The record with fewer and rounded raw samples; kinds other than decode have few."""
    if not isinstance(record, DecodeRecord):
        return record
    step = -(-len(record.samples_s.step) // MAX_PASSES)
    samples = {
        name: _round_all(values[::step])
        for name, values in msgspec.structs.asdict(record.samples_s).items()
    }
    best = float(round(record.read_bandwidth_bytes_per_s))  # which no sample may exceed
    bandwidths = _round_all(record.bandwidth_samples_bytes_per_s[::step])
    return msgspec.structs.replace(
        record,
        samples_s=msgspec.structs.replace(record.samples_s, **samples),
        bandwidth_samples_bytes_per_s=tuple(min(rate, best) for rate in bandwidths),
    )


def _round_all(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)
