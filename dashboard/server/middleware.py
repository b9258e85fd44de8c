"""The middleware of the ASGI app, the outermost first."""

from __future__ import annotations

from starlette.middleware import Middleware

from dashboard.server.headers import SecurityHeaders, frame_hosts, security_headers
from dashboard.server.host_only import HostOnly
from dashboard.server.message_pace import MessagePace

MIDDLEWARE = [
    Middleware(SecurityHeaders, headers=security_headers(frame_hosts())),
    Middleware(HostOnly),
    Middleware(MessagePace),
]
