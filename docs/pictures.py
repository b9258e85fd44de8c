"""Make the README's pictures: python -m docs.pictures, with requirements-dev.txt and Chromium.

Pages are opened on a fresh server with an empty log, so they show formulas and the sample runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import CHROMIUM, FLAGS, WATCH_SENDING, running, wait_until_settled

FOLDER = Path(__file__).parent
SIZE = {"width": 1280, "height": 900}
PICTURES = {  # name: path of the page
    "overview": "/",
    "choose": "/choose?n_heads=24&n_kv_heads=8&head_dim=128&n_layers=28&weights_gb=6.4",
    "decode": "/decode",
}
FILL = 1  # the chart on the start page that fills a GPU
FRAME_MS, COLORS, WIDTH = 120, 64, 640
N_STEPS = 24


def main() -> None:
    """Save a picture per page, and the start page's animation as a GIF."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with running(Path(folder) / "runs.sqlite") as server:
            page = browser.new_page(viewport=SIZE)
            page.add_init_script(WATCH_SENDING)
            for name, path in PICTURES.items():
                _open(page, server.address + path)
                page.screenshot(path=FOLDER / f"{name}.png")
            _open(page, server.address)
            save_gif(FOLDER / "fill_the_gpu.gif", list(_frames(page)))
        browser.close()


def save_gif(path: Path, pictures: list[Image.Image]) -> None:
    """Save pictures as a looping GIF in few colours, the last one shown for longer."""
    shrunk = [
        picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))).quantize(COLORS)
        for picture in pictures
    ]
    durations = [FRAME_MS] * (len(shrunk) - 1) + [10 * FRAME_MS]
    shrunk[0].save(
        path, save_all=True, append_images=shrunk[1:], duration=durations, loop=0, optimize=True
    )


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    wait_until_settled(page)
    wait_for_charts(page)


def _frames(page: Page) -> Iterator[Image.Image]:
    """A picture of the chart after each step of its slider."""
    chart = page.locator("[data-testid=stPlotlyChart]").nth(FILL)
    steps = chart.locator(".slider-rail-touch-rect")
    box = steps.bounding_box()
    assert box is not None
    for step in range(N_STEPS + 1):
        x = box["x"] + 2 + (box["width"] - 4) * step / N_STEPS
        page.mouse.click(x, box["y"] + box["height"] / 2)
        page.wait_for_timeout(150)
        yield Image.open(BytesIO(chart.screenshot())).convert("RGB")


if __name__ == "__main__":
    main()
