"""gqa-lab as the wheel installs it, started from an unrelated folder."""

import os
import socket
import subprocess
import sys

import psutil
import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, is_healthy, wait_until

pytestmark = pytest.mark.xdist_group("installed")  # one wheel, one server
SIZE = "size --n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192 --json"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Runs the console script of a fresh installation; the dependencies are those of the tests."""
    site, dist = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("dist")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, *install, str(wheel)], check=True, capture_output=True)
    for package in ("gqa_core", "dashboard"):  # not the installed ones, and so not to be imported
        (elsewhere / package).mkdir()
        (elsewhere / package / "__init__.py").write_text("raise SystemExit('of another project')")

    def start(*arguments, **options):
        environment = os.environ | {"PYTHONPATH": str(site), "GQA_RUN_LOG": "runs.sqlite"}
        script = site / "bin" / "gqa-lab"
        return subprocess.Popen([script, *arguments], cwd=elsewhere, env=environment, **options)

    return start


@pytest.fixture(scope="module")
def address(chromium, installed):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = installed("dashboard", "--port", str(port), **silent)
    listening = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_healthy(listening), seconds=90)
        assert {c.laddr.ip for c in psutil.Process(process.pid).net_connections("inet")} <= {
            "127.0.0.1",
            "::1",
        }
        yield listening
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_subcommand_runs_from_any_folder(installed):
    process = installed(*SIZE.split(), stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert '"kv_cache_bytes": 1073741824' in output  # 2 * 32 * 8 * 128 * 2 * 8192 bytes


def test_a_page_opens_with_the_theme_of_the_repository(visit, address):
    page = visit("/kv_cache", scheme="dark", address=address)
    page.locator("[data-testid=stPlotlyChart] .main-svg").first.wait_for()
    app = page.locator("[data-testid=stApp]")
    assert app.evaluate("app => getComputedStyle(app).backgroundColor") == "rgb(15, 20, 24)"


def test_the_pages_child_processes_run_the_installed_command_line(visit, address):
    page = visit("/decode", address=address)
    expect(page.get_by_text("It runs on")).to_contain_text(
        "thread"
    )  # as `device --json` describes it
