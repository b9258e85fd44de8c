"""python -m benchmarks.pages [--json FILE]: time from a moved slider to the new charts, per page.

The dashboard and a bare Streamlit page run on separate servers, in two tabs of one headless
Chromium. The bare page has one slider in its sidebar, the same number of plain Plotly charts as the
page it is compared with, and the same number of them follow the slider. Both sliders are moved by
arrow keys, alternately and to new values where possible; the medians are compared.

The browser measures the time: from the key's time stamp until the frame after the last change
inside any chart, when all of them are drawn. `whole` ends once the script has ended too, with all
tables. Some charts show measurements: small ones are made first, or --log provides them.
The memory of the two servers is RSS and PSS of the process, where PSS divides shared memory among
the processes that share it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from benchmarks.serving import (
    CHROMIUM,
    FLAGS,
    ROOT,
    WATCH_SENDING,
    Server,
    running,
    wait_until_settled,
)
from dashboard.settings.measurement import GenerationSettings
from dashboard.shell.page import PAGES

MOVES, WARM_UP = 17, 3
SETTLE_MS = 200  # without a change in any chart, on a settled page: the move is over
WAIT_MS = 200_000
BARE_SCRIPT = "benchmarks/bare_page.py"
MEASURED = "n_heads=32&n_kv_heads=8&context_len=512"
CASES = (  # a page, and the slider or the button that redraws its charts
    ("/", "K/V heads"),
    ("/", "Context"),
    ("/head_groups", "K/V heads"),
    ("/head_groups?tp=4", "K/V heads"),
    ("/kv_cache", "K/V heads"),
    ("/kv_cache", "Context"),
    ("/why_cache?why_n_heads=2&why_head_dim=32&why_n_layers=1&why_context_len=128", "Heads"),
    (f"/decode?{MEASURED}", "K/V heads"),
    (f"/decode?view=Bound&{MEASURED}", "K/V heads"),
    (f"/decode?view=Faster+from&{MEASURED}", "K/V heads"),
    ("/choose", "K/V heads"),
    ("/quality", "Uptraining"),
    ("/capacity", "K/V heads"),
    ("/capacity", "Context"),
    ("/runs", "Compare by"),
)
MEASUREMENTS = (  # they cover every position of the sliders above
    "bench --n-heads 32 --n-kv-heads 32,16,8,4,2,1 --head-dim 128 --mla --context-len 32,128,512",
    *(
        f"crossover --n-heads 32 --n-kv-heads {count},1 --head-dim 128 --mla --max-context-len 512"
        for count in (2, 4, 8, 16)
    ),
    *(
        " ".join(GenerationSettings(n_heads=n, head_dim=32, n_layers=1, context_len=128).arguments)
        for n in (2, 4)
    ),
)
WATCH_CHARTS = """
    const CHART = '[data-testid=stPlotlyChart]';
    const within = node => node.nodeType === 1 ? [...node.querySelectorAll(CHART)] : [];
    const around = node => (node.nodeType === 1 ? node : node.parentElement)?.closest(CHART);
    const start = event => {
        window.move = {pressed: event.timeStamp, changed: event.timeStamp, charts: new Set()};
    };
    addEventListener('keydown', start, true);
    const frame = new MessageChannel();
    frame.port1.onmessage = () => { window.move.drawn = performance.now() };
    new MutationObserver(records => {
        if (!window.move) return;
        const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
        const isScriptState = record => record.target.dataset?.testScriptState;
        if (state === 'notRunning' && records.some(isScriptState)) {
            window.move.ended = performance.now();
        }
        const changed = records.flatMap(record => [around(record.target), ...[...record.addedNodes]
            .flatMap(within)]).filter(Boolean);
        if (!changed.length) return;
        changed.forEach(chart => window.move.charts.add(chart));
        window.move.changed = performance.now();
        requestAnimationFrame(() => frame.port2.postMessage(0));
    }).observe(document, {attributes: true, childList: true, characterData: true, subtree: true});
"""
MOVED = f"""() => {{
    const move = window.move;
    if (performance.now() - move.changed < {SETTLE_MS}) return false;
    const charts = [...move.charts].filter(chart => chart.isConnected).length;
    return {{
        charts,
        drawn: charts ? move.drawn - move.pressed : null,
        whole: Math.max(move.drawn || 0, move.ended || 0) - move.pressed,
    }};
}}"""


@dataclass
class Tab:
    """A page on screen and its control: a slider, or a row of buttons."""

    page: Page
    control: Locator
    forward: bool = True

    def move(self) -> dict[str, Any]:
        """Move the control by one step: the number of charts drawn, and milliseconds until then.

        A slider turns back before its ends, where GQA is MHA or MQA: there a page may show another
        variant from then on.
        """
        self.page.bring_to_front()
        self._press()
        self.page.wait_for_timeout(50)  # for the key's message to leave
        wait_until_settled(self.page, every_ms=25)
        return self.page.wait_for_function(MOVED).json_value()

    def _press(self) -> None:
        if self.control.get_attribute("role") == "radiogroup":
            buttons = self.control.get_by_role("radio")
            first_is_on = buttons.first.get_attribute("aria-checked") == "true"
            (buttons.last if first_is_on else buttons.first).press("Space")
            return
        value, last = (int(self.control.get_attribute(name) or 0) for name in ("value", "max"))
        if value <= 1 or value >= last - 1:
            self.forward = value <= 1
        self.control.press("ArrowRight" if self.forward else "ArrowLeft")


def main() -> None:
    """Measure every page alternately with the bare one, print a row each, and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="write every move, and the machine")
    parser.add_argument(
        "--log", metavar="FILE", help="the run log to show; filled first if it is new"
    )
    paths = list(dict.fromkeys(path.partition("?")[0] for path, _ in CASES))
    parser.add_argument(
        "--only", nargs="+", choices=paths, default=paths, help="measure these pages only"
    )
    parser.add_argument(
        "--moves", type=int, default=MOVES, help=f"moves per page (default {MOVES})"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(arguments.log or Path(folder) / "runs.sqlite").resolve()
        if not log.exists():
            fill(log)
        cases = [case for case in CASES if case[0].partition("?")[0] in arguments.only]
        result = measure(cases, log, arguments.moves)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(machine() | result, indent=1))


def fill(log: Path) -> None:
    """Make the measurements that the pages show, into this log."""
    for arguments in MEASUREMENTS:
        print(f"measuring first: {arguments}", flush=True)
        command = [sys.executable, "-m", "gqa_core", *arguments.split(), "--log", str(log)]
        subprocess.run([*command, "--out", os.devnull], cwd=ROOT, capture_output=True, check=True)


def measure(cases: Sequence[tuple[str, str]], log: Path, n_moves: int) -> dict[str, Any]:
    """The rows of all cases, and the memory of both servers afterwards."""
    with (
        sync_playwright() as playwright,
        running(log) as dashboard,
        running(log, BARE_SCRIPT) as bare,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        memory = {"at start": dashboard.memory_bytes()}
        print(f"{'page':<14}{'moved':<14}charts  follow  ours ms  bare ms  ratio  whole ms")
        rows = []
        for path, control in cases:
            row = compare(browser, (dashboard.address, bare.address), path, control, n_moves)
            rows.append(row)
            print(line(row), flush=True)
        memory["all pages, one session"] = visit_all(browser, dashboard)
        memory["all pages, two sessions"] = visit_all(browser, dashboard)
        memory["bare page"] = bare.memory_bytes()
        browser.close()
    for when, sizes in memory.items():
        print(f"{when}: RSS {sizes['rss'] / 1e6:.0f} MB, PSS {sizes['pss'] / 1e6:.0f} MB")
    return {"rows": rows, "memory": memory}


def compare(
    browser: Browser, addresses: tuple[str, str], path: str, control: str, n_moves: int
) -> dict[str, Any]:
    """Moves of a page and of the bare one, alternately; milliseconds of each."""
    tab = open_tab(browser, addresses[0] + path, control)
    warm_up = [tab.move()["charts"] for _ in range(WARM_UP)]
    n_charts = tab.page.locator("[data-testid=stPlotlyChart]").count()
    bare = open_tab(browser, f"{addresses[1]}/?charts={n_charts}&follow={max(warm_up)}", "Factor")
    moves: dict[str, list[dict[str, Any]]] = {"ours": [], "bare": []}
    for _ in range(WARM_UP):
        bare.move()
    for _ in range(n_moves):
        moves["ours"].append(tab.move())
        moves["bare"].append(bare.move())
    tab.page.context.close()
    bare.page.context.close()
    return {"path": path, "moved": control, "charts": n_charts, "follow": max(warm_up)} | moves


def open_tab(browser: Browser, address: str, control: str) -> Tab:
    """A new session at this address with the control to move, once everything is drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    page.add_init_script(WATCH_CHARTS)
    page.goto(address)
    slider, buttons = (page.get_by_role(role, name=control) for role in ("slider", "radiogroup"))
    slider.or_(buttons).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    wait_until_settled(page)
    return Tab(page, slider.or_(buttons).first)


def median_ms(moves: Sequence[dict[str, Any]], end: str = "drawn") -> float:
    """The median over the moves that drew a chart, until all charts are drawn or `whole`."""
    return statistics.median(move[end] for move in moves if move["charts"])


def ratio(row: dict[str, Any]) -> float:
    """The page's median divided by that of the bare page."""
    return median_ms(row["ours"]) / median_ms(row["bare"])


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    return (
        f"{row['path'].partition('?')[0]:<14}{row['moved']:<14}{row['charts']:>6}"
        f"{row['follow']:>8}{median_ms(row['ours']):>9.0f}{median_ms(row['bare']):>9.0f}"
        f"{ratio(row):>7.2f}{median_ms(row['ours'], 'whole'):>10.0f}"
    )


def visit_all(browser: Browser, server: Server) -> dict[str, int]:
    """The server's memory after one more session has opened every page."""
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    for entry in PAGES:
        page.goto(f"{server.address}/{entry.name}")
        page.get_by_role("heading").first.wait_for()
        wait_until_settled(page)
    return server.memory_bytes()


def machine() -> dict[str, Any]:
    """The time, the machine and the versions of a measurement."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [text for text in lines if "model name" in text]
    return {
        "created_at": datetime.now(UTC).isoformat(),
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.processor(),
        "n_cores": os.cpu_count(),
        "python_version": platform.python_version(),
        "versions": {name: version(name) for name in ("streamlit", "plotly", "pandas")},
    }


if __name__ == "__main__":
    main()
