"""A fresh Streamlit server and a headless Chromium, for tests that use pages as a visitor does.

A page is settled once its last message is answered and no script runs, several times in a row: it
takes a moment until a page acts on a message.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
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


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address and its process."""

    address: str
    pid: int

    def memory_bytes(self) -> dict[str, int]:
        """`rss` and `pss` of the process; PSS divides shared memory among its processes (Linux)."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]
        kib = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
        return {name.lower(): 1024 * kib[name] for name in ("Rss", "Pss")}


@contextmanager
def running(log: str | Path, script: str = "app.py") -> Iterator[Server]:
    """A new Streamlit server of this script, with its own run log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    environment = os.environ | {"GQA_RUN_LOG": str(log)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = Server(f"http://127.0.0.1:{port}", process.pid)
    try:
        wait_until(lambda: is_healthy(server.address), seconds=90)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until_settled(page: Page, every_ms: int = 100) -> None:
    """Wait until the page, opened with WATCH_SENDING, shows the values of its widgets."""
    page.evaluate("window.settledTimes = 0")
    page.wait_for_function(SETTLED, polling=every_ms)


def is_healthy(address: str) -> bool:
    """True if a Streamlit server answers at this address."""
    try:
        return urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).status == 200
    except OSError:
        return False


def wait_until(is_true: Callable[[], bool], seconds: float, every: float = 0.1) -> float:
    """Seconds until the condition became true; AssertionError if it did not in time."""
    start = time.monotonic()
    while not is_true():
        assert time.monotonic() - start < seconds, f"not true within {seconds} s"
        time.sleep(every)
    return time.monotonic() - start
