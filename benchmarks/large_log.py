"""python -m benchmarks.large_log [--records N] [--url URL]: a log of many records, and its pages.

Writes N decode records (100,000 by default) as JSON Lines, made from the sample runs: runs of ten
points on five devices, two thirds of them on this one. Imports them by the command line into a new
SQLite file and, with --url, into an empty PostgreSQL database, and exports them again. Then visits
pages of a fresh server on an empty log and on each full one: seconds from the address to the
settled page, and the processor's seconds of the server in brackets, first of the page's first visit
and then of a second session; and the memory of the server afterwards.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import msgspec
import psutil
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import update

from benchmarks.serving import (
    CHROMIUM,
    FLAGS,
    ROOT,
    WATCH_SENDING,
    Server,
    running,
    wait_until_settled,
)
from gqa_core.records.header import MEASURED_HERE, Device, DeviceInfo
from gqa_core.records.kinds import DecodeRecord, encode_record
from gqa_core.records.log.tables import RECORDS
from gqa_core.records.run_log import RunLog
from gqa_core.sample_runs.reader import FOLDER, sample_runs

N_RECORDS = 100_000
POINTS_PER_RUN = 10
PAGES = ("", "decode", "kv_cache", "choose", "runs", "why_cache", "quality")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
WAIT_MS = 120_000


def main() -> None:
    """Write, import and export the records, visit the pages, and print a line per figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=N_RECORDS)
    parser.add_argument("--url", help="an empty PostgreSQL database, filled too")
    parser.add_argument("--folder", help="where to keep the lines and the logs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary).resolve()
        logs = {"SQLite": str(folder / "full.sqlite")}
        if arguments.url:
            logs["PostgreSQL"] = arguments.url
        lines = folder / "records.jsonl"
        if not lines.exists():
            write_lines(lines, arguments.records)
        print(f"{arguments.records} records, {lines.stat().st_size / 1e6:.0f} MB of JSON Lines")
        for name, log in logs.items():
            if not RunLog(log).counts():
                fill(name, log, lines)
        visit_pages({"empty": str(folder / "empty.sqlite"), **logs})


def write_lines(path: Path, n_records: int) -> None:
    """Write so many decode records that differ in run, point, time and device."""
    with open(path, "w", encoding="utf-8") as file:
        for record in islice(made_up_records(), n_records):
            file.write(encode_record(record) + "\n")


def made_up_records() -> Iterator[DecodeRecord]:
    """Records of the sample runs again and again, as other runs measured them."""
    templates = [r for r in sample_runs(FOLDER).records if isinstance(r, DecodeRecord)]
    own = own_device()
    other_devices = [
        Device(type="cpu", name=f"Other CPU {number}", n_threads=8) for number in range(4)
    ]
    devices = cycle(
        [
            own,
            own,
            other_devices[0],
            own,
            own,
            other_devices[1],
            own,
            own,
            other_devices[2],
            other_devices[3],
        ]
    )
    device = own
    for index, record in enumerate(cycle(templates)):
        run, point = divmod(index, POINTS_PER_RUN)
        device = next(devices) if point == 0 else device
        created_at = (FIRST_DAY + timedelta(minutes=3 * run, seconds=point)).isoformat()
        yield msgspec.structs.replace(
            record, run_id=f"run-{run:06d}", point=point, created_at=created_at, device=device
        )


def own_device() -> Device:
    """The device on which a server here would measure."""
    command = [sys.executable, "-m", "gqa_core", "device", "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return msgspec.json.decode(answer, type=DeviceInfo).device


def fill(name: str, log: str, lines: Path) -> None:
    """Import the lines, print how long it took and what it needed, and export them again."""
    print(f"{name}: import {run_command('import', str(lines), '--log', log)}", flush=True)
    print(f"{name}: export {run_command('log', '--jsonl', '--log', log)}", flush=True)
    own = RECORDS.c.device_name == own_device().name
    measured_here = update(RECORDS).where(own).values(evidence=MEASURED_HERE)
    RunLog(log)._database.write(lambda connection: connection.execute(measured_here))


def run_command(*arguments: str) -> str:
    """Seconds, processor seconds and peak memory of a command of the package, in words."""
    start = time.monotonic()
    command = [sys.executable, "-c", USAGE_OF_COMMAND, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    cpu_s, peak_kib = map(float, done.stderr.split()[-2:])
    return (
        f"{time.monotonic() - start:.1f} s ({cpu_s:.1f} s of a processor), "
        f"peak of the process {1024 * peak_kib / 1e6:.0f} MB"
    )


USAGE_OF_COMMAND = """
import resource, sys
from gqa_core.commands.cli import main
code = main(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def visit_pages(logs: dict[str, str]) -> None:
    """Print the seconds of every page by log, and the memory of each server."""
    columns = {name: visit_all(log) for name, log in logs.items()}
    print(f"{'page':<12}" + "".join(f"{name:>36}" for name in columns))
    for page in PAGES:
        texts = ("  ".join(map(str, visits[page])) for visits, _ in columns.values())
        print(f"{page or 'start':<12}" + "".join(f"{text:>36}" for text in texts))
    for label, kind in (("RSS", "rss"), ("PSS", "pss")):
        sizes = "".join(f"{memory[kind] / 1e6:>33.0f} MB" for _, memory in columns.values())
        print(f"{label:<12}{sizes}")


@dataclass(frozen=True, slots=True)
class Visit:
    """Seconds until a page was settled, and the processor's seconds of the server meanwhile."""

    seconds: float
    server_s: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.server_s:.2f} s)"


def visit_all(log: str) -> tuple[dict[str, list[Visit]], dict[str, int]]:
    """Two visits of each page of a fresh server, and the server's memory in bytes afterwards."""
    with running(log) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        visits = {page: [visit(browser, server, page) for _ in range(2)] for page in PAGES}
        browser.close()
        return visits, server.memory_bytes()


def visit(browser: Browser, server: Server, page: str) -> Visit:
    """A visit of a page in a session of its own."""
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.set_default_timeout(WAIT_MS)
    tab.add_init_script(WATCH_SENDING)
    process = psutil.Process(server.pid)
    start, before = time.monotonic(), process.cpu_times()
    tab.goto(f"{server.address}/{page}")
    tab.get_by_role("heading").first.wait_for()
    wait_until_settled(tab)
    seconds, after = time.monotonic() - start, process.cpu_times()
    tab.context.close()
    return Visit(seconds, sum(after[:2]) - sum(before[:2]))


if __name__ == "__main__":
    main()
