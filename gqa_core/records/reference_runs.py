"""The records that come along: every pooling, three seeds, from scratch too; measured elsewhere.

Made by `python -m gqa_core quality` with `--start mean,first,random,scratch`, `--seed 0,1,2` and
`--percent 0,5,20`.
"""

from __future__ import annotations

import json
from pathlib import Path

from gqa_core.records.record import Record

GRID = Path(__file__).with_name("reference_runs.jsonl")


def reference_runs(path: Path = GRID) -> tuple[Record, ...]:
    """The records of the file, in its order; none where no file came along."""
    if not path.exists():
        return ()
    return tuple(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
