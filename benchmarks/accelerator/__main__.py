"""python -m benchmarks.accelerator --out DIR [--device auto] [--quick]: first minutes on a device.

In under eight minutes: what is installed, every kernel and form against float64, bandwidth and
matmul rates, graphs against eager steps, decode steps of MHA, GQA-8, MQA and absorbed MLA, the
tests that need a GPU, and a crossover. Each part runs in a process of its own for at most its
budget; a part that fails is one line of the report, and the others go on. DIR gets report.txt and
records.jsonl, which `python -m gqa_core log` and the dashboard can import.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accelerator.parts import PARTS
from benchmarks.accelerator.session import Outcome, Session, run_part
from gqa_core.records.device_names import DEVICE_SYNTAX, validate_device_name

TOTAL_S = 465.0
QUICK_PATIENCE = 5  # times the budgets, for a busy CPU that compiles kernels first
MIN_PART_S = 5.0  # no part is begun with less time left


def main(argv: Sequence[str] | None = None) -> int:
    """Run every part and write the report; the exit code is 1 if a part failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument("--device", metavar=DEVICE_SYNTAX, default="auto")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, under half a minute")
    parser.add_argument("--parts", metavar="NAME[,NAME...]", help="only these parts")
    arguments = parser.parse_args(argv)
    parts = PARTS
    if arguments.parts:
        names = arguments.parts.split(",")
        parts = tuple(part for part in PARTS if part.name in names)
    arguments.out.mkdir(parents=True, exist_ok=True)
    session = Session(validate_device_name(arguments.device), arguments.out, arguments.quick)
    session.records_path.unlink(missing_ok=True)
    patience = QUICK_PATIENCE if arguments.quick else 1
    end = time.monotonic() + patience * TOTAL_S
    outcomes = []
    for part in parts:
        seconds = min(patience * part.budget_s, end - time.monotonic())
        outcomes.append(
            run_part(part, session, seconds)
            if seconds >= MIN_PART_S
            else Outcome(part.name, 0.0, "not begun: the time of all parts is over", ())
        )
        (session.out / "report.txt").write_text(report(outcomes))
        print(section(outcomes[-1]), flush=True)
    return int(any(outcome.failure for outcome in outcomes))


def report(outcomes: Sequence[Outcome]) -> str:
    """One page: a line per part, then what each of them reports."""
    summary = [
        f"{outcome.part:<12}{outcome.seconds:>7.1f} s  {state(outcome)}" for outcome in outcomes
    ]
    return "\n\n".join(["\n".join(summary), *map(section, outcomes)]) + "\n"


def section(outcome: Outcome) -> str:
    """The lines of one part under its name."""
    title = f"== {outcome.part} ({outcome.seconds:.1f} s): {state(outcome)}"
    return "\n".join([title, *outcome.lines])


def state(outcome: Outcome) -> str:
    """ok, or the failure in one line."""
    return "ok" if outcome.failure is None else f"FAILED: {outcome.failure}"


if __name__ == "__main__":
    sys.exit(main())
