"""The quality records that ship: every pooling and from scratch, three seeds, measured elsewhere.

Made by `python -m gqa_core quality` with `--start mean,first,random,scratch`, `--seed 0,1,2` and
`--percent 0,5,20`.
"""

from __future__ import annotations

from pathlib import Path

from gqa_core.records.kinds import QualityRecord, decode_record

__all__ = ["reference_runs"]

REFERENCE_RUNS = Path(__file__).with_name("reference_runs.jsonl")


def reference_runs(path: Path = REFERENCE_RUNS) -> tuple[QualityRecord, ...]:
    """The records of the file, in its order; none where the file is missing."""
    if not path.exists():
        return ()
    records = map(decode_record, path.read_text(encoding="utf-8").splitlines())
    return tuple(record for record in records if isinstance(record, QualityRecord))
