"""A fresh server and a headless Chromium; without a Chromium these tests skip and say so."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
WAIT_MS = 45_000  # for whatever the server answers: a busy machine imports torch in 20 s
expect.set_options(timeout=WAIT_MS)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A page is settled once what it sent last was answered and no script runs, twice in a row: a
# message takes a moment until the page acts on it.
WATCH_SENDING = """
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...data) {
        if (!this.isWatched) this.addEventListener('message', () => { window.unanswered = false });
        this.isWatched = window.unanswered = true;
        return send.apply(this, data);
    };
"""
SETTLED = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const running = document.querySelector('[data-testid=stStatusWidget]');
    const settled = window.unanswered === false && !running
        && app.getAttribute('data-test-script-state') === 'notRunning';
    window.settledTimes = settled ? (window.settledTimes || 0) + 1 : 0;
    return window.settledTimes > 3;
}"""


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("GQA_REQUIRE_BROWSER"):
            pytest.fail("no chromium on this machine, and GQA_REQUIRE_BROWSER asks for one")
        pytest.skip("no chromium on this machine: install Debian's chromium to run browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def running_server(log):
    """A Streamlit server that nobody has visited yet; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"GQA_RUN_LOG": str(log)}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_healthy(address), seconds=90)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture(scope="session")
def log_path(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "runs.sqlite"


@pytest.fixture(scope="session")
def server(chromium, log_path):
    with running_server(log_path) as address:
        yield address


@pytest.fixture
def console():
    """What the visits of this test wrote to the console as errors: (text, address) each."""
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


def is_settled(page):
    """Waits until the page shows what its widgets say; press nothing before."""
    page.evaluate("window.settledTimes = 0")
    page.wait_for_function(SETTLED, polling=100)


def crowding(seconds=0.4):
    """How many times longer than alone a busy loop takes here now: 1 on a quiet machine."""
    start, worked = time.monotonic(), time.process_time()
    while time.monotonic() - start < seconds:
        pass
    return (time.monotonic() - start) / (time.process_time() - worked)


def is_healthy(address):
    try:
        return urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).status == 200
    except OSError:
        return False


def wait_until(is_true, seconds, every=0.1):
    """How many seconds it took; fails if it never became true."""
    start = time.monotonic()
    while not is_true():
        assert time.monotonic() - start < seconds, f"not true within {seconds} s"
        time.sleep(every)
    return time.monotonic() - start
