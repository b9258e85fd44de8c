"""runs and import: what the run log holds, and records from elsewhere that go into it."""

from __future__ import annotations

import argparse
import json
import sys

from gqa_core.commands.files import reading


def runs(arguments: argparse.Namespace) -> int:
    """Print what the run log holds, oldest first."""
    from gqa_core.records.run_log import RunLog
    from gqa_core.records.summaries import line

    log = RunLog(arguments.log)
    if arguments.log is not None and not log.path.exists():
        raise ValueError(f"log {log.path} must be there to be read: got no such file")
    with_evidence = log.with_evidence()
    if arguments.json:
        print("[" + ",\n".join(json.dumps(record) for record, _ in with_evidence) + "]")
        return 0
    for record, evidence in with_evidence:
        when, name = record["created_at"][:19], record["device"]["name"]
        print(f"{when}  {line(record)}  {evidence:<18}  {name}")
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """Keep records measured elsewhere, of any kind, as JSON Lines; wrong lines are named."""
    from gqa_core.records.importable import KINDS
    from gqa_core.records.importing import import_records
    from gqa_core.records.run_log import RunLog

    with reading(arguments.file) as source:
        imported = import_records(source, RunLog(arguments.log), KINDS)
    for sentence in imported.refused:
        print(sentence, file=sys.stderr)
    print(f"{imported.n_taken} taken, {len(imported.refused)} refused", file=sys.stderr)
    return 1 if imported.refused else 0
