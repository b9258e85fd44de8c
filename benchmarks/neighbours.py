"""python -m benchmarks.neighbours [--runs 5] [--json FILE]: what busy neighbours do to figures.

Measures MHA, GQA-8, MQA and MLA at 8,192 tokens with and without three busy processes beside it, in
an order that is drawn: one that only computes, one that copies memory, and one that multiplies
matrices. Prints for each run the 5th percentiles of attend, the order of the variants by them, and
the verdict; then how far the loaded runs are from the quiet ones, and whether neighbours were
noticed where they were, and only there.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import DecodeRecord, decode_record
from gqa_core.records.noise import VerdictName, worst_verdict

NEIGHBOURS = (
    "while True: sum(range(10**6))",
    "x = bytearray(2**27)\nwhile True: y = bytes(x)",
    "import numpy\nx = numpy.ones((512, 512))\nwhile True: x @ x",
)
COMMAND = (
    *(sys.executable, "-m", "gqa_core", "bench", "--no-log", "--out", "-", "--mla"),
    *("--n-heads", "32", "--n-kv-heads", "32,8,1", "--head-dim", "128"),
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
RANKED = ("MHA", "GQA-8", "MQA", "MLA absorbed")


@dataclass(frozen=True)
class Run:
    """The attend times of one run by variant, fastest first, and the verdict on its samples."""

    is_loaded: bool
    attend_s: dict[str, float]
    median_s: dict[str, float]
    verdict: VerdictName
    reason: str

    @property
    def order(self) -> list[str]:
        """The ranked variants, fastest first."""
        return sorted(RANKED, key=lambda name: self.attend_s[name])


def main(argv: Sequence[str] | None = None) -> None:
    """Run, print a line per run and a summary, and write JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs with neighbours, and without")
    parser.add_argument("--context-len", type=int, default=8192)
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--json", metavar="FILE", help="write the runs")
    arguments = parser.parse_args(argv)
    order = [False, True] * arguments.runs
    random.Random(arguments.seed).shuffle(order)
    runs = []
    for is_loaded in order:
        with neighbours(NEIGHBOURS if is_loaded else ()):
            runs.append(measure(is_loaded, arguments.context_len))
        print(describe(runs[-1]), flush=True)
    print(summarize(runs))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump([asdict(run) for run in runs], file, indent=1)


@contextmanager
def neighbours(programs: Sequence[str]) -> Iterator[None]:
    """Keep a process busy with each of these programs meanwhile."""
    command = [sys.executable, "-c"]
    processes = [subprocess.Popen([*command, text], env=ONE_THREAD) for text in programs]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(is_loaded: bool, context_len: int) -> Run:
    """One run of the command."""
    command = [*COMMAND, "--context-len", str(context_len)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    records = [decode_record(line) for line in done.stdout.splitlines()]
    rows = [DecodeRow.from_record(record) for record in records if isinstance(record, DecodeRecord)]
    worst = worst_verdict(row.verdict for row in rows)
    return Run(
        is_loaded=is_loaded,
        attend_s={row.variant_name: row.attend.p5 for row in rows},
        median_s={row.variant_name: row.attend.median for row in rows},
        verdict=worst.name,
        reason=worst.reason,
    )


def describe(run: Run) -> str:
    """A run in one line."""
    times = ", ".join(f"{name} {1e3 * run.attend_s[name]:.3f}" for name in RANKED)
    state = "loaded" if run.is_loaded else "quiet "
    return f"{state}  attend ms: {times}; {' < '.join(run.order)}; {run.verdict}: {run.reason}"


def summarize(runs: Sequence[Run]) -> str:
    """Ratios of loaded to quiet times, rankings that hold, and neighbours that were noticed."""
    alone_runs = [run for run in runs if not run.is_loaded]
    loaded_runs = [run for run in runs if run.is_loaded]
    lines = []
    for title in ("attend_s", "median_s"):
        base = {n: statistics.median(getattr(run, title)[n] for run in alone_runs) for n in RANKED}
        ratios = [getattr(run, title)[name] / base[name] for run in loaded_runs for name in RANKED]
        what = "5th percentile" if title == "attend_s" else "median"
        lines.append(
            f"{what} of attend, loaded over quiet: median {statistics.median(ratios):.2f}, "
            f"{min(ratios):.2f} to {max(ratios):.2f}"
        )
    expected = statistics.mode(tuple(run.order) for run in alone_runs)
    in_order = [
        sum(tuple(run.order) == expected for run in some) for some in (loaded_runs, alone_runs)
    ]
    noticed = [sum(run.verdict != "quiet" for run in some) for some in (loaded_runs, alone_runs)]
    for what, counts in (("order as when quiet", in_order), ("neighbours noticed", noticed)):
        lines.append(
            f"{what}: {counts[0]} of {len(loaded_runs)} loaded, "
            f"{counts[1]} of {len(alone_runs)} quiet"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
