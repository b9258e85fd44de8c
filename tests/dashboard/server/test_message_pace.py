"""The pace of a WebSocket's messages: a few at once, then slowly, and none that is too large."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.server.message_pace import OTHER_BYTES, TOO_BIG, MessagePace, largest_bytes


def received(messages, scope_type="websocket", **pace):
    """(seconds, what the app received, what was sent) of an app behind the pace."""
    waiting, got, sent = [*messages], [], []

    async def app(_scope, receive, _send):
        while (message := await receive())["type"] != "websocket.disconnect":
            got.append(message)
        got.append(message)

    async def receive():
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect", "code": 1000}

    async def send(message):
        sent.append(message)

    def run():
        return asyncio.run(MessagePace(app, **pace)({"type": scope_type}, receive, send))

    start = time.monotonic()
    with ThreadPoolExecutor(1) as threads:  # Playwright's loop may run in this one
        threads.submit(run).result()
    return time.monotonic() - start, got, sent


def message(n_bytes=10):
    return {"type": "websocket.receive", "bytes": bytes(n_bytes)}


def test_a_burst_passes_at_once_and_more_waits():
    seconds, got, _ = received([message()] * 20, per_s=40.0, burst=10.0)
    assert len(got) == 21  # none is lost
    assert seconds == pytest.approx(10 / 40, abs=0.2)
    assert seconds >= 0.2
    assert received([message()] * 10, per_s=0.1, burst=10.0)[0] < 1.0


def test_an_unanswered_request_of_another_kind_passes():
    assert received([message()] * 50, "http", per_s=0.1, burst=1.0)[0] < 1.0


def test_a_message_larger_than_any_page_needs_ends_the_connection(set_limits):
    set_limits(paste_bytes=1000)
    assert largest_bytes() == 2000 + OTHER_BYTES
    _, got, sent = received([message(largest_bytes()), message(largest_bytes() + 1), message()])
    assert [each["type"] for each in got] == ["websocket.receive", "websocket.disconnect"]
    assert sent == [{"type": "websocket.close", "code": TOO_BIG}]
    text = {"type": "websocket.receive", "text": "x" * (largest_bytes() + 1)}
    assert received([text])[2] == sent
