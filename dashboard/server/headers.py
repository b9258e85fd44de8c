"""Security headers of every answer: what a page may load, and who may show it in a frame.

Streamlit writes styles into the page, draws icons from data and hands out downloads as blobs. Of
scripts only files of this server run, and the few lines that stand in Streamlit's own index.html,
by their hash. Pages of this server and of the hosts of GQA_FRAME_HOSTS may show ours in a frame.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRAME_HOSTS = "GQA_FRAME_HOSTS"
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
HOST = re.compile(r"https?://(\*\.)?[a-zA-Z0-9.-]+(:\d{1,5})?")
POLICY = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def frame_hosts() -> list[str]:
    """The hosts of GQA_FRAME_HOSTS, divided by spaces, whose pages may show ours in a frame.

    Raises:
        ValueError: one is no address such as https://example.org.
    """
    hosts = os.environ.get(FRAME_HOSTS, "").split()
    for host in hosts:
        if not HOST.fullmatch(host):
            raise ValueError(f"{FRAME_HOSTS} must be addresses like https://example.org: {host!r}")
    return hosts


def security_headers(hosts: Sequence[str]) -> dict[str, str]:
    """The headers of every answer; pages of these hosts may show ours in a frame."""
    policy = POLICY | {
        "script-src": " ".join(["'self'", *_inline_script_hashes()]),
        "frame-ancestors": " ".join(["'self'", *hosts]),
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {text}" for name, text in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # an address holds a visitor's settings
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if not hosts:  # for old browsers; the header cannot name hosts
        headers["X-Frame-Options"] = "SAMEORIGIN"
    return headers


class SecurityHeaders:
    """ASGI middleware that sets these headers on every HTTP answer and lets WebSockets pass."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the headers are added when its answer starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _inline_script_hashes() -> list[str]:
    """The hashes by which a policy admits the scripts inside Streamlit's index.html."""
    scripts = INLINE_SCRIPT.findall(INDEX.read_bytes())
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    return [f"'sha256-{digest}'" for digest in digests]
