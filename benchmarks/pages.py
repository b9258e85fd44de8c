"""python -m benchmarks.pages [--json FILE]: from a moved slider to the new charts, on every page.

The dashboard and a bare Streamlit page stand on servers of their own, in two tabs of one headless
Chromium. The bare page has one slider and as many plain Plotly charts as the page it is compared
with, of which as many follow the slider. Both sliders are moved by arrow keys, in turns and on to
values not seen before where there are some; the medians are compared.

The clock is the browser's: from the key's own time stamp until the frame after the last change
inside any chart, when all of them are drawn. Until the script has ended too, with all tables, is
`whole`. Charts of measurements need some: small ones are made here first, or taken with --log.
Memory of the two servers is what the kernel says of the process: RSS, and PSS, which counts what
processes share in parts.
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

from benchmarks.serving import CHROMIUM, FLAGS, ROOT, WATCH_SENDING, Server, is_settled, running
from dashboard.settings.measurement import GenerationSettings
from dashboard.shell.page import PAGES

MOVES, WARM_UP = 17, 3
QUIET_MS = 200  # without a change in any chart, on a settled page: the move is over
WAIT_MS = 200_000
BARE_SCRIPT = "benchmarks/bare_page.py"
MEASURED = "n_heads=32&n_kv_heads=8&context_len=512"
CASES = (  # a page, and the slider or the button that draws its charts anew
    ("/", "K/V heads"),
    ("/", "Context"),
    ("/head_groups", "K/V heads"),
    ("/head_groups?tp=4", "Query heads"),
    ("/kv_cache", "K/V heads"),
    ("/kv_cache", "Context"),
    ("/why_cache?why_n_heads=2&why_head_dim=32&why_n_layers=1&why_context_len=128", "Heads"),
    (f"/decode?{MEASURED}", "K/V heads"),
    (f"/roofline?{MEASURED}", "K/V heads"),
    (f"/crossover?{MEASURED}", "K/V heads"),
    ("/quality", "Uptraining"),
    ("/capacity", "K/V heads"),
    ("/capacity", "Context"),
    ("/runs", "Compare by"),
)
MEASUREMENTS = (  # what the pages above then show wherever their slider goes
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
        if (state === 'notRunning' && records.some(one => one.target.dataset?.testScriptState)) {
            window.move.ended = performance.now();
        }
        const changed = records.flatMap(one => [around(one.target), ...[...one.addedNodes]
            .flatMap(within)]).filter(Boolean);
        if (!changed.length) return;
        changed.forEach(chart => window.move.charts.add(chart));
        window.move.changed = performance.now();
        requestAnimationFrame(() => frame.port2.postMessage(0));
    }).observe(document, {attributes: true, childList: true, characterData: true, subtree: true});
"""
MOVED = f"""() => {{
    const move = window.move;
    if (performance.now() - move.changed < {QUIET_MS}) return false;
    const charts = [...move.charts].filter(chart => chart.isConnected).length;
    return {{
        charts,
        drawn: charts ? move.drawn - move.pressed : null,
        whole: Math.max(move.drawn || 0, move.ended || 0) - move.pressed,
    }};
}}"""


@dataclass
class Tab:
    """A page on screen and what is moved on it: a slider, or a row of buttons to choose from."""

    page: Page
    control: Locator
    forward: bool = True

    def move(self) -> dict[str, Any]:
        """Move it one on and, short of its ends, back: charts drawn, and milliseconds until then.

        At the ends GQA is MHA or MQA, and a page may show another variant from then on.
        """
        self.page.bring_to_front()
        self._press()
        self.page.wait_for_timeout(50)  # for the key's message to leave
        is_settled(self.page, every_ms=25)
        return self.page.wait_for_function(MOVED).json_value()

    def _press(self) -> None:
        if self.control.get_attribute("role") == "radiogroup":
            buttons = self.control.get_by_role("radio")
            first_is_on = buttons.first.get_attribute("aria-checked") == "true"
            (buttons.last if first_is_on else buttons.first).press("Space")
            return
        at, last = (int(self.control.get_attribute(name)) for name in ("value", "max"))
        if at <= 1 or at >= last - 1:
            self.forward = at <= 1
        self.control.press("ArrowRight" if self.forward else "ArrowLeft")


def main() -> None:
    """Measure every page in turns with the bare one, print a line each, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="every move, and the machine")
    parser.add_argument("--log", metavar="FILE", help="fill this run log, or take it as filled")
    paths = list(dict.fromkeys(path.partition("?")[0] for path, _ in CASES))
    parser.add_argument("--only", nargs="+", choices=paths, default=paths, help="these pages alone")
    parser.add_argument("--moves", type=int, default=MOVES, help=f"of each, {MOVES} unless given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(arguments.log or Path(folder) / "runs.sqlite").resolve()
        if not log.exists():
            fill(log)
        cases = [one for one in CASES if one[0].partition("?")[0] in arguments.only]
        result = measure(cases, log, arguments.moves)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(machine() | result, indent=1))


def fill(log: Path) -> None:
    """Measure what the pages of measurements show, into this log."""
    for words in MEASUREMENTS:
        print(f"measuring first: {words}", flush=True)
        command = [sys.executable, "-m", "gqa_core", *words.split(), "--log", str(log)]
        subprocess.run([*command, "--out", os.devnull], cwd=ROOT, capture_output=True, check=True)


def measure(cases: Sequence[tuple[str, str]], log: Path, n_moves: int) -> dict[str, Any]:
    """Rows of all cases, and the memory of both servers after them."""
    with sync_playwright() as playwright, running(log) as ours, running(log, BARE_SCRIPT) as bare:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        memory = {"at start": ours.memory_bytes()}
        print(f"{'page':<14}{'moved':<14}charts  follow  ours ms  bare ms  ratio  whole ms")
        rows = []
        for path, control in cases:
            row = compare(browser, (ours.address, bare.address), path, control, n_moves)
            rows.append(row)
            print(line(row), flush=True)
        memory["all pages, one session"] = visit_all(browser, ours)
        memory["all pages, two sessions"] = visit_all(browser, ours)
        memory["bare page"] = bare.memory_bytes()
        browser.close()
    for when, sizes in memory.items():
        print(f"{when}: RSS {sizes['rss'] / 1e6:.0f} MB, PSS {sizes['pss'] / 1e6:.0f} MB")
    return {"rows": rows, "memory": memory}


def compare(
    browser: Browser, addresses: tuple[str, str], path: str, control: str, n_moves: int
) -> dict[str, Any]:
    """Moves of a page and of the bare one in turns; milliseconds of each."""
    ours = open_tab(browser, addresses[0] + path, control)
    warm_up = [ours.move()["charts"] for _ in range(WARM_UP)]
    n_charts = ours.page.locator("[data-testid=stPlotlyChart]").count()
    bare = open_tab(browser, f"{addresses[1]}/?charts={n_charts}&follow={max(warm_up)}", "Factor")
    moves: dict[str, list[dict[str, Any]]] = {"ours": [], "bare": []}
    for _ in range(WARM_UP):
        bare.move()
    for _ in range(n_moves):
        moves["ours"].append(ours.move())
        moves["bare"].append(bare.move())
    for tab in (ours, bare):
        tab.page.context.close()
    return {"path": path, "moved": control, "charts": n_charts, "follow": max(warm_up)} | moves


def open_tab(browser: Browser, address: str, control: str) -> Tab:
    """A session of its own at this address, with what is to be moved, once it is all drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    page.add_init_script(WATCH_CHARTS)
    page.goto(address)
    slider, buttons = (page.get_by_role(role, name=control) for role in ("slider", "radiogroup"))
    slider.or_(buttons).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    is_settled(page)
    return Tab(page, slider.or_(buttons).first)


def median_ms(moves: Sequence[dict[str, Any]], what: str = "drawn") -> float:
    """The median over the moves that drew a chart."""
    return statistics.median(move[what] for move in moves if move["charts"])


def ratio(row: dict[str, Any]) -> float:
    """How many times as long as the bare page it takes."""
    return median_ms(row["ours"]) / median_ms(row["bare"])


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    return (
        f"{row['path'].partition('?')[0]:<14}{row['moved']:<14}{row['charts']:>6}"
        f"{row['follow']:>8}{median_ms(row['ours']):>9.0f}{median_ms(row['bare']):>9.0f}"
        f"{ratio(row):>7.2f}{median_ms(row['ours'], 'whole'):>10.0f}"
    )


def visit_all(browser: Browser, server: Server) -> dict[str, int]:
    """The server's memory once one more session has seen every page and stands on the last."""
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    for name, _ in PAGES:
        page.goto(f"{server.address}/{name}")
        page.get_by_role("heading").first.wait_for()
        is_settled(page)
    return server.memory_bytes()


def machine() -> dict[str, Any]:
    """When and on what it was measured."""
    cpu = [one for one in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in one]
    return {
        "created_at": datetime.now(UTC).isoformat(),
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.processor(),
        "n_cores": os.cpu_count(),
        "python_version": platform.python_version(),
        "versions": {name: version(name) for name in ("streamlit", "plotly", "pandas")},
    }


if __name__ == "__main__":
    main()
