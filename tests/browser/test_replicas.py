"""Two replicas behind the proxy of compose.yaml, with one run log in PostgreSQL."""

import os
import re
import shutil
import subprocess
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, WATCH_SENDING, is_healthy, running, wait_until
from gqa_core.records.run_log import RunLog
from tests import postgresql_server
from tests.browser.conftest import WAIT_MS
from tests.browser.test_pages import is_drawn
from tests.records.fake_records import record
from tests.scale import NIGHTLY

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = (ROOT / "hosting" / "nginx.conf").read_text()

needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: nginx-light)")


@dataclass
class Site:
    """The proxy's address, its replicas, and the log of both."""

    address: str
    replicas: list
    log: str


def write_configuration(folder: Path, ports, port: int) -> Path:
    """The proxy's configuration, with replicas on this machine."""
    text = CONFIGURATION.replace("listen 8080", f"listen 127.0.0.1:{port}")
    text = text.replace("/tmp/", f"{folder}/")
    for number, replica_port in enumerate(ports, 1):
        text = text.replace(f"replica-{number}:8501", f"127.0.0.1:{replica_port}")
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


@contextmanager
def running_proxy(folder: Path, ports, port: int):
    """The address of an nginx that runs the configuration of compose.yaml."""
    path = write_configuration(folder, ports, port)
    process = subprocess.Popen([NGINX, "-c", str(path), "-g", "daemon off;"])
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_healthy(address), seconds=30)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@needs_nginx
def test_nginx_accepts_the_configuration(tmp_path):
    path = write_configuration(tmp_path, (8501, 8502), 8080)
    tested = subprocess.run([NGINX, "-t", "-c", str(path)], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stderr


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    if not NIGHTLY or NGINX is None or postgresql_server.binaries() is None:
        pytest.skip("needs GQA_NIGHTLY, nginx and PostgreSQL")
    with ExitStack() as stack:
        log = stack.enter_context(postgresql_server.running_server()).new_database()
        replicas = [stack.enter_context(running(log, "serve.py")) for _ in range(2)]
        ports = [int(replica.address.rpartition(":")[2]) for replica in replicas]
        folder = tmp_path_factory.mktemp("proxy")
        address = stack.enter_context(running_proxy(folder, ports, max(ports) + 1))
        yield Site(address, replicas, log)


def n_sessions(replica) -> int:
    """The sessions whose browser is connected to this replica."""
    metrics = urllib.request.urlopen(f"{replica.address}/_stcore/metrics").read().decode()
    return sum(int(float(n)) for n in re.findall(r"^active_sessions(?:{.*})? (\S+)", metrics, re.M))


def new_page(chromium, contexts):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    contexts.append(context)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    return page


def test_a_browser_stays_at_its_replica_and_moves_when_that_is_killed(chromium, site):
    contexts = []
    pages = [new_page(chromium, contexts) for _ in range(6)]
    for page in pages:
        page.goto(f"{site.address}/capacity")
        is_drawn(page, "/capacity")
    counts = [n_sessions(replica) for replica in site.replicas]
    assert sum(counts) == len(pages)
    for path in ("/kv_cache", "/"):  # of the same visitor: no session anywhere else
        pages[0].goto(site.address + path)
        is_drawn(pages[0], path)
    assert [n_sessions(replica) for replica in site.replicas] == counts

    RunLog(site.log).append(record())  # one log, seen by whoever asks
    for replica in site.replicas:
        pages[1].goto(f"{replica.address}/runs")
        is_drawn(pages[1], "/runs")
        expect(pages[1].get_by_test_id("stMain")).to_contain_text("measured here")

    busiest = max(site.replicas, key=n_sessions)
    os.kill(busiest.pid, 9)
    for page in pages[2:]:
        page.goto(f"{site.address}/capacity")
        is_drawn(page, "/capacity")
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", ["metrics", "script-health-check", "agent/openapi.json"])
@pytest.mark.parametrize("start", ["/_stcore/", "//_stcore/", "/kv_cache/_stcore//"])
def test_the_proxy_tells_nothing_of_the_server(site, start, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(site.address + start + path)
