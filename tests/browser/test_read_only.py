"""The installation of a host: user 1000, a tree that cannot be written, one folder of data.

With GQA_CLEAN_ROOT, as `.ci/clean_root` sets it, that is a whole Debian root with the image's own
installation, and every page is opened. Elsewhere it is the wheel beside the dependencies of the
tests. Both need root, to become somebody else.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, WATCH_SENDING, wait_until, wait_until_settled
from tests.browser.conftest import WAIT_MS
from tests.browser.test_pages import TITLES, is_drawn

CLEAN_ROOT = os.environ.get("GQA_CLEAN_ROOT")
SMALLEST = "/decode?n_heads=2&n_kv_heads=1&head_dim=32&context_len=512"
BENCH = "bench --n-heads 2 --n-kv-heads 1 --head-dim 32 --context-len 64 --samples 1"
PATHS = list(TITLES) if CLEAN_ROOT else ["/"]
USER = 1000

pytestmark = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root and util-linux, to run as user 1000 on a read-only tree",
)


@dataclass
class Installation:
    """A tree as `hosting/install` leaves it: its root, its prefix, and the data folder."""

    root: str
    prefix: str
    data: Path

    def run(self, *command, **environment):
        """A process of user 1000 in the read-only root."""
        inside = "/data" if CLEAN_ROOT else str(self.data)
        variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": inside,
            "XDG_CACHE_HOME": f"{inside}/cache",
            "XDG_DATA_HOME": inside,
            "TMPDIR": "/tmp" if CLEAN_ROOT else inside,
            "GQA_HOSTED": "1",
            "GQA_LOCK_FOLDER": f"{inside}/turns",
            "GQA_VISIBLE_RECORDS": "shared",  # a restart ends the session that measured
            **({} if CLEAN_ROOT else {"PYTHONPATH": f"{self.prefix}/site:{_dependencies()}"}),
            **environment,
        }
        return subprocess.Popen(
            [ROOT / ".ci/read_only", self.root, self.data, *command],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def output(self, *command):
        """The exit code and the output of a command."""
        process = self.run(*command)
        text, _ = process.communicate(timeout=120)
        return process.returncode, text

    @contextmanager
    def server(self):
        """The address of the server that the image starts, once it is healthy."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        serve = f"{self.prefix}/bin/gqa-lab", "dashboard", "--port", port
        process = self.run(*([f"{self.prefix}/bin/start"] if CLEAN_ROOT else serve), PORT=port)
        health = [f"{self.prefix}/bin/python", f"{self.prefix}/healthy.py"]
        try:
            wait_until(lambda: self.run(*health, PORT=port).wait() == 0, seconds=120, every=0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _dependencies():
    return sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    if CLEAN_ROOT:
        return Installation(CLEAN_ROOT, "/opt/gqa-lab", data)
    prefix, dist = tmp_path_factory.mktemp("prefix"), tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    target = ["--target", str(prefix / "site"), str(wheel)]
    subprocess.run([sys.executable, *install, *target], check=True, capture_output=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(sys.executable)
    shutil.copy(prefix / "site" / "bin" / "gqa-lab", prefix / "bin")
    shutil.copy(ROOT / "hosting" / "healthy.py", prefix)
    for folder in tmp_path_factory.getbasetemp().parents:
        assert folder != ROOT  # or a page could be read from there
    return Installation("/", str(prefix), data)


@pytest.fixture
def visit_page(chromium):
    """Opens an address in a context of its own."""
    contexts = []

    def open_address(address):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(WATCH_SENDING)
        page.goto(address)
        return page

    yield open_address
    for context in contexts:
        context.close()


def test_user_1000_can_write_nothing_but_the_data(installation):
    assert installation.output("id", "-u") == (0, f"{USER}\n")
    for path in (installation.prefix, "/", "/etc", "/usr"):
        code, text = installation.output("touch", f"{path}/planted")
        assert code == 1
        assert "Read-only file system" in text


def test_pages_a_run_and_a_restart_with_its_records(installation, visit_page):
    with installation.server() as address:
        for path in PATHS:
            is_drawn(visit_page(address + path), path)
        if CLEAN_ROOT:
            measure_on_the_page(visit_page(address + SMALLEST))
        else:  # the page's run needs kernels that only the image holds compiled
            command = f"{installation.prefix}/bin/gqa-lab", *BENCH.split(), "--out", "-"
            assert installation.output(*command)[0] == 0
    _, before = installation.output(f"{installation.prefix}/bin/gqa-lab", "log")
    assert "measured here" in before
    with installation.server() as address:
        page = visit_page(f"{address}/runs")
        is_drawn(page, "/runs")
        expect(page.get_by_test_id("stMain")).to_contain_text("measured here")
    assert installation.output(f"{installation.prefix}/bin/gqa-lab", "log") == (0, before)


def measure_on_the_page(page):
    """Press *Run here* and wait until the page shows what was measured."""
    wait_until_settled(page)
    page.get_by_role("button", name=re.compile("^Run here, about ")).click()
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_be_visible()
    expect(progress).to_have_count(0, timeout=600_000)
    expect(page.get_by_test_id("stMain")).to_contain_text("measured here")
