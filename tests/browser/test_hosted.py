"""serve.py as a stranger's browser meets it: nothing from elsewhere, nothing about the machine."""

import json
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, WATCH_SENDING, running, wait_until_settled
from dashboard.server.headers import security_headers
from tests.browser.conftest import WAIT_MS
from tests.browser.test_pages import TITLES, errors

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
    """Requests, answers, WebSocket frames and console errors of a browser, over all pages."""
    visit = {"requests": [], "answers": [], "frames": [], "errors": {}}
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH_SENDING)
    context.on("request", lambda request: visit["requests"].append(request.url))
    context.on("response", lambda answer: visit["answers"].append((answer.url, answer.headers)))

    def watch(socket):
        visit["requests"].append(socket.url)
        socket.on("framereceived", lambda payload: visit["frames"].append(payload))

    page.on("websocket", watch)
    for path in TITLES:
        console = visit["errors"][path] = []
        note = _note_into(console)
        page.on("console", note)
        page.goto(hosted + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wait_until_settled(page)
        page.remove_listener("console", note)
    context.close()
    return visit


def _note_into(console):
    def note(message):
        if message.type in ("error", "warning"):
            console.append((message.text, message.location["url"]))

    return note


def test_the_browser_asks_this_server_alone(hosted, visited):
    host = urlsplit(hosted).netloc
    requests = {urlsplit(url) for url in visited["requests"]}
    elsewhere = {url.geturl() for url in requests if url.netloc != host and url.scheme != "data"}
    assert {url for url in elsewhere if not url.startswith(f"blob:{hosted}/")} == set()
    assert len(requests) > len(TITLES)


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
    assert complaints == {path: [] for path in TITLES}


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
