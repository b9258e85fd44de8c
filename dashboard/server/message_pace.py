"""Pace and size of the messages that a browser sends over its WebSocket.

A message runs the page's script, and its values are kept until the session is forgotten. A browser
sends a few in a second. Who sends more waits: the next message is read later, and what comes
meanwhile waits in the sender's own buffers. A larger message than any page needs ends the
connection (code 1009).
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gqa_core.limits.settings import Limits, limits

PER_S, BURST = 10.0, 30.0  # messages of a connection
PASTES = 2  # texts of the largest size that a page may hold at once
OTHER_BYTES = 256 * 1024  # of all other values
TOO_BIG = 1009


class MessagePace:
    """ASGI middleware that slows down each WebSocket's messages, and refuses large ones."""

    def __init__(self, app: ASGIApp, per_s: float = PER_S, burst: float = BURST) -> None:
        self.app = app
        self.per_s = per_s
        self.burst = burst

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, with a `receive` that keeps the pace."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        largest = largest_bytes()
        left, noted_s = self.burst, time.monotonic()

        async def paced_receive() -> Message:
            nonlocal left, noted_s
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            if _n_bytes(message) > largest:
                await send({"type": "websocket.close", "code": TOO_BIG})
                return {"type": "websocket.disconnect", "code": TOO_BIG}
            now_s = time.monotonic()
            left = min(left + (now_s - noted_s) * self.per_s, self.burst) - 1
            noted_s = now_s
            if left < 0:
                await asyncio.sleep(-left / self.per_s)
            return message

        await self.app(scope, paced_receive, send)


def largest_bytes() -> int:
    """The bytes that a message may have: its page's pasted texts and all other values."""
    try:
        paste_bytes = int(limits().paste_bytes)
    except ValueError:  # a wrong limit, of which every page says so: nothing can be pasted
        paste_bytes = int(Limits.model_fields["paste_bytes"].default)
    return PASTES * paste_bytes + OTHER_BYTES


def _n_bytes(message: Message) -> int:
    return len(message.get("bytes") or b"") + len(message.get("text") or "")
