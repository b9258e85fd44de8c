"""A hosted server that is told to stop leaves nothing of its visitors behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from websockets.asyncio.client import connect

from benchmarks.load import Visitor
from benchmarks.serving import ROOT, is_healthy, wait_until


async def visit(address):
    url = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(url, origin=address, subprotocols=["streamlit"], max_size=None) as stream:
        await Visitor(stream, "runs").open()


def test_a_server_that_is_terminated_removes_its_visitors_files(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "GQA_HOSTED": "1",
        "GQA_RUN_LOG": str(tmp_path / "runs.sqlite"),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "gqa_core", "dashboard", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://localhost:{port}"
        wait_until(lambda: is_healthy(address), seconds=90)
        with ThreadPoolExecutor(1) as threads:  # Playwright's loop may run in this one
            threads.submit(asyncio.run, visit(address)).result()
        assert [each.name for each in folder.iterdir() if each.name.startswith("gqa-visitors-")]
        server.terminate()
        assert server.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        server.kill()
    assert not [*folder.iterdir()]
