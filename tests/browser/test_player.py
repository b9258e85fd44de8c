"""Frames in a browser: play, pause and scrub without the server, and reduced motion."""

import pytest
from playwright.sync_api import expect

from benchmarks.first_screen import wait_for_charts
from benchmarks.serving import wait_until_settled
from tests.browser.conftest import WAIT_MS
from tests.scale import all_or

COUNTER = "document.querySelector('.slider-group text')?.textContent"
DISPLAY = "getComputedStyle(document.querySelector('.updatemenu-container')).display"
COUNT_SENT = """() => {
    const sendCounted = WebSocket.prototype.send;
    window.sent = 0;
    WebSocket.prototype.send = function (...data) {
        window.sent += 1;
        return sendCounted.apply(this, data);
    };
}"""


def opened(page):
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_settled(page)
    wait_for_charts(page)
    return page


@pytest.mark.parametrize("path", all_or(["/"], ["/", "/why_cache"]))
def test_frames_play_pause_and_follow_the_scrubber_without_the_server(visit, path):
    page = opened(visit(path))
    page.evaluate(COUNT_SENT)
    page.wait_for_selector(".slider-group text", state="attached")
    last = page.evaluate(COUNTER)
    play, pause = (page.locator(".updatemenu-button").nth(index) for index in (0, 1))
    play.click()
    page.wait_for_function(f"{COUNTER} !== {last!r}")
    pause.click()
    paused = page.evaluate(COUNTER)
    page.wait_for_timeout(1000)  # longer than a frame
    assert page.evaluate(COUNTER) == paused != last
    rail = page.locator(".slider-rail-touch-rect").first.bounding_box()
    page.mouse.click(rail["x"] + rail["width"] - 2, rail["y"] + rail["height"] / 2)
    page.wait_for_function(f"{COUNTER} === {last!r}")
    if path == "/":
        play.click()
        page.wait_for_function(f"{COUNTER} !== {last!r}")
        page.wait_for_function(f"{COUNTER} === {last!r}")  # played to its end
    assert page.evaluate("window.sent") == 0


def test_reduced_motion_leaves_the_scrubber_alone(chromium, server):
    for motion, display in (("reduce", "none"), ("no-preference", "inline")):
        context = chromium.new_context(reduced_motion=motion)
        page = context.new_page()
        page.goto(server)
        page.wait_for_selector(".slider-group", timeout=WAIT_MS, state="attached")
        assert page.evaluate(DISPLAY) == display
        context.close()
