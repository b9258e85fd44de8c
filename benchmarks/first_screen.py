"""python -m benchmarks.first_screen [--json FILE]: what each page shows before anybody scrolls.

Each page is opened in a headless Chromium on a fresh server with an empty log. Told are, in pixels
from the top of the window, where the answer and the first chart begin and end, whether the chart
is whole within the first screen, and whether a slider is in sight beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from benchmarks.serving import CHROMIUM, FLAGS, WATCH_SENDING, running, wait_until_settled
from dashboard.shell.page import SECTIONS

SIZES = ((1280, 900), (1440, 900), (390, 844))
PATHS = ("/", *(f"/{entry.name}" for entries in SECTIONS.values() for entry in entries))
ASSERTED = (1280, 900)  # where the first screen must hold answer, chart and slider
WAIT_MS = 90_000
POSITIONS = """() => {
    const box = element => {
        if (!element) return null;
        const {top, bottom} = element.getBoundingClientRect();
        return [Math.round(top), Math.round(bottom)];
    };
    const seen = element => {
        const {top, bottom, left} = element.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight && left >= 0 && element.checkVisibility();
    };
    const roles = ['slider', 'combobox', 'spinbutton', 'radio'].map(role => `[role=${role}]`);
    const controls = ['input[type=range]', ...roles].join();
    return {
        answer: box(document.querySelector('[data-testid=stMain] blockquote')),
        chart: box(document.querySelector('[data-testid=stPlotlyChart]')),
        control: [...document.querySelectorAll(controls)].some(seen),
        height: document.querySelector('[data-testid=stMain]').scrollHeight,
    };
}"""
ALL_DRAWN = """() => [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
    .every(chart => chart.querySelector('.main-svg'))"""
FIRST_CHART_MS = 20_000  # charts come after the script's end, from a module that is loaded once
SETTLE_MS = 300  # in which further charts come
Position = dict[str, Any]


def opened_pages(
    browser: Browser,
    address: str,
    size: tuple[int, int],
    watch: Callable[[Page], None] = lambda page: None,
) -> Iterator[Page]:
    """The one page of a new visitor, on each of the addresses in turn, once all is drawn.

    `watch` is called with it before its first visit.
    """
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    watch(page)
    for path in PATHS:
        page.goto(address + path)
        page.get_by_test_id("stHeading").first.wait_for()
        wait_until_settled(page)
        wait_for_charts(page)
        yield page
    context.close()


def positions(browser: Browser, address: str, size: tuple[int, int]) -> Iterator[Position]:
    """Per page, the top and bottom of its answer and its first chart; None where it has none."""
    for path, page in zip(PATHS, opened_pages(browser, address, size), strict=False):
        yield position(page, path, size)


def position(page: Page, path: str, size: tuple[int, int]) -> Position:
    """The top and bottom of an opened page's answer and first chart; None where it has none."""
    width, height = size
    return {"path": path, "width": width, "screen": height, **page.evaluate(POSITIONS)}


def wait_for_charts(page: Page) -> None:
    """Wait until every chart that the page has received is drawn; it may have none."""
    with contextlib.suppress(PlaywrightTimeout):
        page.get_by_test_id("stPlotlyChart").first.wait_for(timeout=FIRST_CHART_MS)
    page.wait_for_timeout(SETTLE_MS)
    page.wait_for_function(ALL_DRAWN)


def is_in_first_screen(position: Position) -> bool:
    """True if answer and chart exist and end within the screen, with a control in sight."""
    ends = [position[part][1] for part in ("answer", "chart") if position[part]]
    return len(ends) == 2 and max(ends) <= position["screen"] and position["control"]


def line(position: Position) -> str:
    """One row of the table."""
    answer, chart = (position[part] or ("-", "-") for part in ("answer", "chart"))
    return (
        f"{position['path']:<14} {position['width']:>5} x {position['screen']:<4} "
        f"answer {answer[0]:>5} to {answer[1]:<5} chart {chart[0]:>5} to {chart[1]:<5} "
        f"page {position['height']:>5}  {'whole' if is_in_first_screen(position) else 'cut'}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per page and size, and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="write the rows")
    options = parser.parse_args(arguments)
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "runs.sqlite") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for size in SIZES:
            for position in positions(browser, server.address, size):
                sys.stdout.write(f"{line(position)}\n")
                rows.append(position)
        browser.close()
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
