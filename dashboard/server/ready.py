"""/ready: 200 once a page can be served, 503 before and when none can.

Streamlit's own /_stcore/health answers as soon as the server listens. Here the start page's script
is run as for a visitor, which loads its modules too: the first visitor does not wait for them. One
run serves all requests of a few seconds.
"""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit.runtime import Runtime, get_instance

from gqa_core.limits.settings import limits

VALID_S = 5.0
PATH = "/ready"


class Readiness:
    """Runs the start page at most every few seconds; says whether it could be run."""

    def __init__(self, valid_s: float = VALID_S) -> None:
        self.valid_s = valid_s
        self._lock = asyncio.Lock()
        self._is_ready = False
        self._until = 0.0

    async def __call__(self, runtime: Runtime) -> bool:
        """True if the page could be run; requests that come meanwhile wait for the same run."""
        async with self._lock:
            if time.monotonic() >= self._until:
                runs, _ = await runtime.does_script_run_without_error()
                self._is_ready = runs and _are_limits_valid()
                self._until = time.monotonic() + self.valid_s
            return self._is_ready


def _are_limits_valid() -> bool:
    """False if every page shows a sentence about a wrong GQA_* value in place of its content."""
    try:
        limits()
    except ValueError:
        return False
    return True


_readiness = Readiness()


async def ready(_request: Request) -> Response:
    """The answer to a load balancer: `ready` (200) or `not ready` (503)."""
    is_ready = await _readiness(get_instance())
    return PlainTextResponse(
        "ready" if is_ready else "not ready",
        status_code=200 if is_ready else 503,
        headers={"Cache-Control": "no-store"},
    )


ROUTES = [Route(PATH, ready)]
