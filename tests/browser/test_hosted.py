"""serve.py as a stranger's browser meets it, page by page.

Nothing from elsewhere and nothing about the machine; at 1280 x 900 answer, whole figure and
controls in sight; axe-core content.
"""

import json
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.first_screen import (
    ASSERTED,
    PATHS,
    is_in_first_screen,
    line,
    opened_pages,
    position,
)
from benchmarks.serving import ROOT, running
from dashboard.server.headers import security_headers
from tests.browser.axe import serious_findings
from tests.browser.test_pages import errors

pytestmark = pytest.mark.xdist_group("hosted")  # one worker visits every page
LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost"}
# Loaded by every Python process of the server before anything else.
HOOK = """
import json, os, sys
def note(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        write(event, str(args[0 if event.startswith("socket.get") else 1]))
def write(event, text):
    with open(os.environ["HOOK_FILE"], "a") as file:
        file.write(json.dumps([event, text]) + "\\n")
sys.addaudithook(note)
write("started", str(os.getpid()))
"""


@pytest.fixture(scope="module")
def hook_file(tmp_path_factory):
    return tmp_path_factory.mktemp("hook") / "events.jsonl"


@pytest.fixture(scope="module")
def hosted(chromium, tmp_path_factory, hook_file):
    """The address of a server whose Python processes write down whom they connect to."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(HOOK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("HOOK_FILE", str(hook_file))
        with running(folder / "runs.sqlite", "serve.py") as server:
            yield server.address


@pytest.fixture(scope="module")
def visited(chromium, hosted):
    """Open every page once; the visit as a browser reports it.

    Requests, answers and WebSocket frames; by path the console's errors, and position and serious
    findings of the page.
    """
    visit = {"requests": [], "answers": [], "frames": [], "errors": {}, "screens": {}}
    console = []

    def watch(page):
        page.context.on("request", lambda request: visit["requests"].append(request.url))
        page.context.on(
            "response", lambda answer: visit["answers"].append((answer.url, answer.headers))
        )
        page.on("websocket", watch_socket)
        page.on("console", note)

    def watch_socket(socket):
        visit["requests"].append(socket.url)
        socket.on("framereceived", lambda payload: visit["frames"].append(payload))

    def note(message):
        if message.type in ("error", "warning"):
            console.append((message.text, message.location["url"]))

    for path, page in zip(PATHS, opened_pages(chromium, hosted, ASSERTED, watch), strict=True):
        visit["errors"][path] = [*console]
        visit["screens"][path] = position(page, path, ASSERTED), serious_findings(page)
        console.clear()  # what axe-core adds is not of the page
    return visit


def test_the_browser_asks_this_server_alone(hosted, visited):
    host = urlsplit(hosted).netloc
    requests = {urlsplit(url) for url in visited["requests"]}
    elsewhere = {url.geturl() for url in requests if url.netloc != host and url.scheme != "data"}
    assert {url for url in elsewhere if not url.startswith(f"blob:{hosted}/")} == set()
    assert len(requests) > len(PATHS)


def test_the_server_and_its_child_processes_connect_to_this_machine_alone(visited, hook_file):
    # The pages have been visited, and the device has been described by a child process.
    events = [json.loads(line) for line in Path(hook_file).read_text().splitlines()]
    processes = {text for event, text in events if event == "started"}
    assert len(processes) > 1
    calls = [(event, text) for event, text in events if event != "started"]
    assert [call for call in calls if not any(host in call[1] for host in LOCAL_HOSTS)] == []


def test_every_answer_carries_the_headers_and_no_page_breaks_the_policy(visited):
    headers = {name.lower(): text for name, text in security_headers([]).items()}
    assert visited["answers"]
    bare = [url for url, received in visited["answers"] if not headers.items() <= received.items()]
    assert [url for url in bare if not url.startswith(("data:", "blob:"))] == []
    complaints = {
        path: [entry for entry in errors(console, path) if "Security Policy" in entry[0]]
        for path, console in visited["errors"].items()
    }
    assert complaints == {path: [] for path in PATHS}


def test_no_message_names_a_folder_but_that_of_the_app(visited):
    # Streamlit sends the path of its script: in the image /opt/gqa-lab, which is the same for all.
    app = str(ROOT).encode()
    home, temporary = str(Path.home()).encode(), b"/tmp/"
    assert visited["frames"]
    for frame in visited["frames"]:
        text = (frame if isinstance(frame, bytes) else frame.encode()).replace(app, b"")
        assert home + b"/" not in text
        assert temporary not in text


def test_metrics_are_closed_to_whoever_comes_through_a_proxy(hosted):
    request = urllib.request.Request(f"{hosted}/_stcore/metrics")
    assert urllib.request.urlopen(request).status == 200
    request.add_header("X-Forwarded-For", "203.0.113.7")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(request)


def test_it_is_ready_once_a_page_can_be_served(hosted):
    with urllib.request.urlopen(f"{hosted}/ready") as answer:
        assert (answer.status, answer.read()) == (200, b"ready")


@pytest.mark.parametrize("path", PATHS)
def test_answer_figure_and_a_control_are_in_the_first_screen(visited, path):
    measured, _ = visited["screens"][path]
    assert is_in_first_screen(measured), line(measured)


@pytest.mark.parametrize("path", PATHS)
def test_no_page_has_a_serious_finding(visited, path):
    _, findings = visited["screens"][path]
    assert findings == []
