"""The records of the sample runs that ship, read from compressed JSON Lines.

To keep the files small, a decode step ships with at most MAX_PASSES of its passes, evenly spaced in
time, and its samples rounded to DIGITS significant digits, which moves none by more than 0.05%.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from gqa_core.records.kinds import DecodeRecord, Record, decode_record, encode_record

__all__ = ["COMMAND", "FOLDER", "SUFFIX", "read_sample_file", "sample_records", "write_sample_file"]

FOLDER = Path(__file__).parent
SUFFIX = ".jsonl.gz"
COMMAND = "python -m gqa_core sample-runs --out gqa_core/sample_runs/cpu.jsonl.gz"
DIGITS = 4
MAX_PASSES = 100


def sample_records(folder: Path = FOLDER) -> tuple[Record, ...]:
    """The records of all sample runs in a folder, one file after the other; none without files.

    Raises:
        ValueError: a file is damaged, or is of another version of the records.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    return tuple(record for path in files for record in read_sample_file(path))


def read_sample_file(path: Path) -> list[Record]:
    """The records of one file, in its order.

    Raises:
        ValueError: it is damaged, or of another version of the records.
        OSError: it cannot be opened.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
        return [decode_record(line) for line in lines]
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"sample runs must be records of this version: {path.name} cannot be read ({error}); "
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
