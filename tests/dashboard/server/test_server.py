"""The ASGI app around the dashboard: its headers, the paths it closes, and when it is ready."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dashboard.server.headers import SecurityHeaders, frame_hosts, security_headers
from dashboard.server.host_only import HostOnly
from dashboard.server.ready import Readiness

LOCAL, REMOTE = ("127.0.0.1", 1), ("203.0.113.7", 1)


def run(coroutine):
    """The result of a coroutine; Playwright's loop may run in this thread already."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()


def answer(path, client=LOCAL, **headers):
    """(status, headers) of an app that has every path, behind both kinds of middleware."""

    def text(_request):
        return PlainTextResponse("text")

    app = Starlette(
        routes=[Route("/{path:path}", text)],
        middleware=[
            Middleware(SecurityHeaders, headers=security_headers([])),
            Middleware(HostOnly),
        ],
    )
    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "client": client, "headers": named}
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    run(app(scope | {"query_string": b""}, receive, send))
    start = sent[0]
    return start["status"], {name.decode(): text.decode() for name, text in start["headers"]}


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/metrics", "/static/missing.js"])
def test_every_answer_has_the_headers_also_a_refusal(path):
    _, received = answer(path, client=REMOTE)
    expected = {name.lower(): text for name, text in security_headers([]).items()}
    assert expected.items() <= received.items()


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/script-health-check",
        "/_stcore/agent/openapi.json",
        "//_stcore//metrics",
        "/_stcore/metrics/",
        "/base/_stcore/metrics",
    ],
)
def test_metrics_are_for_the_host_alone(path):
    assert answer(path)[0] == 200
    assert answer(path, client=("::1", 1))[0] == 200
    assert answer(path, client=REMOTE)[0] == 404
    assert answer(path, x_forwarded_for="203.0.113.7")[0] == 404
    assert answer(path, forwarded="for=203.0.113.7")[0] == 404
    assert answer("/_stcore/health", client=REMOTE)[0] == 200


def test_no_page_may_frame_ours_but_those_of_named_hosts(monkeypatch):
    default = security_headers([])
    assert "frame-ancestors 'self'" in default["Content-Security-Policy"]
    assert default["X-Frame-Options"] == "SAMEORIGIN"
    monkeypatch.setenv("GQA_FRAME_HOSTS", "https://huggingface.co https://*.hf.space")
    named = security_headers(frame_hosts())
    expected = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
    assert named["Content-Security-Policy"].endswith(expected)
    assert "X-Frame-Options" not in named


@pytest.mark.parametrize("host", ["*", "example.org", "https://a.org;script-src", "'none'"])
def test_a_frame_host_that_would_change_the_policy_is_refused(host, monkeypatch):
    monkeypatch.setenv("GQA_FRAME_HOSTS", host)
    with pytest.raises(ValueError, match="GQA_FRAME_HOSTS must be addresses like"):
        frame_hosts()


class FakeRuntime:
    """Counts how often its script ran; it fails while `works` is false."""

    works = False
    n_runs = 0

    async def does_script_run_without_error(self):
        self.n_runs += 1
        await asyncio.sleep(0)
        return self.works, ""


def test_many_requests_at_once_run_the_page_once():
    runtime, readiness = FakeRuntime(), Readiness()

    async def request_all():
        return await asyncio.gather(*(readiness(runtime) for _ in range(50)))

    assert run(request_all()) == [False] * 50
    assert runtime.n_runs == 1


def test_readiness_is_asked_again_after_its_time():
    runtime, readiness = FakeRuntime(), Readiness(valid_s=0)
    assert run(readiness(runtime)) is False
    runtime.works = True
    assert run(readiness(runtime)) is True
