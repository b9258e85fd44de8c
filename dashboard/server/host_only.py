"""Paths that only the host may ask for: Streamlit's metrics, script check and API for agents.

The host is who asks from this machine, not through a proxy: a proxy names the browser for which it
asks.
"""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CLOSED = re.compile(r"/_stcore/(metrics|script-health-check|agent)(/|$)")
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class HostOnly:
    """ASGI middleware that answers 404 on these paths to everybody but the host."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and _is_closed(scope["path"]) and not is_host(scope):
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_host(scope: Scope) -> bool:
    """True if the request comes from this machine, and through no proxy."""
    client = scope.get("client")
    if client is None or any(name in Headers(scope=scope) for name in PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _is_closed(path: str) -> bool:
    """True for these paths below any base path, however their slashes are written."""
    return CLOSED.search(re.sub("/+", "/", path)) is not None
