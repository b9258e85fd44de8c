"""A fresh server and a headless Chromium; without a Chromium these tests skip and say so."""

import os
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect, sync_playwright

from benchmarks.serving import CHROMIUM, FLAGS, WATCH_SENDING, running

# A process per site costs a quarter of the CPU time of a visit, and all are visits to one site.
TEST_FLAGS = [*FLAGS, "--disable-site-isolation-trials"]
WAIT_MS = 45_000  # for whatever the server answers: a busy machine imports torch in 20 s
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("GQA_REQUIRE_BROWSER"):
            pytest.fail("no chromium on this machine, and GQA_REQUIRE_BROWSER asks for one")
        pytest.skip("no chromium on this machine: install Debian's chromium to run browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=TEST_FLAGS)
        yield browser
        browser.close()


def metrics(page):
    """The entries of the strip of numbers below the answer."""
    return page.locator(".metric-strip > div")


def show_more_settings(page):
    """Open the folded box of the sidebar."""
    page.get_by_test_id("stSidebar").get_by_text("More settings").click()


@contextmanager
def running_server(log):
    """A server of the dashboard that nobody has visited yet; yields its address."""
    with running(log) as server:
        yield server.address


@pytest.fixture(scope="session")
def log_path(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "runs.sqlite"


@pytest.fixture(scope="session")
def server(chromium, log_path):
    with running_server(log_path) as address:
        yield address


@pytest.fixture
def console():
    """Errors that the visits of this test wrote to the console, each (text, address)."""
    return []


@pytest.fixture
def visit(chromium, server, console):
    """Opens a path in a context of its own."""
    contexts = []

    def note(message):
        if message.type == "error":
            console.append((message.text, message.location["url"]))

    def open_path(path, width=1280, scheme="light", address=server):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(WATCH_SENDING)
        page.on("console", note)
        page.on("pageerror", lambda error: console.append((str(error), page.url)))
        page.goto(address + path)
        return page

    yield open_path
    for context in contexts:
        context.close()


def crowding(seconds=0.4):
    """Wall time over CPU time of a busy loop: 1 on an idle machine."""
    start, worked = time.monotonic(), time.process_time()
    while time.monotonic() - start < seconds:
        pass
    return (time.monotonic() - start) / (time.process_time() - worked)
