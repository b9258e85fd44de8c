"""Make the README's picture: python -m docs.picture, with requirements-dev.txt and Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.serving import CHROMIUM, FLAGS, running

PICTURE = Path(__file__).with_name("overview.png")
SIZE = {"width": 1280, "height": 1130}


def main() -> None:
    """Serve the dashboard with an empty log, open the overview, and save what is on screen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with running(Path(folder) / "runs.sqlite") as server:
            page = browser.new_page(viewport=SIZE)
            page.goto(server.address)
            page.locator(".js-plotly-plot").nth(1).wait_for()
            page.wait_for_timeout(2000)  # fonts and the last redraw
            page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 70)")
            page.wait_for_timeout(300)
            page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
