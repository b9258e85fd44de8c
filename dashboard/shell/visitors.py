"""The visitor of a tab: a name nobody can guess, which survives a reload.

A tab that is reloaded is a new session. Its address still has the id of the run that it started,
which nobody else knows: whoever has that id is the same visitor.
"""

from __future__ import annotations

import secrets
import time
from ipaddress import IPv6Address, ip_address, ip_network

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.shell.job_queue import job_queue
from dashboard.shell.process import process_wide
from dashboard.shell.uploads import bound_uploads
from gqa_core.limits.rate import Rate
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits

__all__ = ["RUN", "address", "count_import", "is_present", "note_visit", "own_run_ids", "visitor"]

RUN = "run"  # the query parameter with the id of a run
VISITOR = "visitor"
MINUTE_S = 60.0


def visitor() -> str:
    """The name of this tab's visitor."""
    if VISITOR not in st.session_state:
        run = job_queue().get(st.query_params.get(RUN))
        own = run.visitor if run is not None else ""
        st.session_state[VISITOR] = own or secrets.token_urlsafe(16)
    name: str = st.session_state[VISITOR]
    return name


def address() -> str:
    """The public address of this tab's visitor: IPv4, or the network of 64 bits of IPv6.

    Empty where nobody knows it. A private address says little: behind a proxy that the host has
    not named as trusted it is the proxy's, and all visitors have it.
    """
    try:
        known = ip_address(st.context.ip_address or "")
    except ValueError:
        return ""
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    if not known.is_global:
        return ""
    return str(known if known.version == 4 else ip_network((int(known), 64), strict=False))


def note_visit() -> None:
    """Remember that this session is a tab of its visitor.

    Raises:
        LimitError: too many visitors are connected.
        ValueError: a limit in the environment is none.
    """
    limits()
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    if not runtime.get_instance().is_active_session(context.session_id):
        return  # the run by which /ready asks whether a page can be served
    bound_uploads()
    job_queue().is_present = is_present
    _sessions()[context.session_id] = visitor()
    _require_room()


def is_present(name: str) -> bool:
    """True if a tab of this visitor is open; without a server, as in tests, always."""
    if not runtime.exists():
        return True
    _forget_closed()
    return name in list(_sessions().values())


def own_run_ids() -> set[str]:
    """The ids, as records have them, of the runs that this visitor started."""
    return {
        record.run_id for run in job_queue().own_runs(visitor()) for record in list(run.records)
    }


def count_import() -> None:
    """Note that this visitor has something read.

    Raises:
        LimitError: visitors may import nothing, or this one has imported too often.
    """
    if not limits().allow_imports:
        raise limit_error("allow_imports")
    imports, now_s = process_wide("imports", lambda: Rate(MINUTE_S)), time.monotonic()
    if (n_imports := imports.count(visitor(), now_s)) >= limits().imports_per_minute:
        raise limit_error("imports_per_minute", f"you made {n_imports}")
    imports.note(visitor(), now_s)


def _require_room() -> None:
    """Raise LimitError if more visitors are connected than may be; who was first may stay."""
    _forget_closed()
    context = get_script_run_ctx()
    first = list(_sessions())[: limits().sessions]
    if context is not None and context.session_id not in first:
        raise limit_error("sessions", f"{len(_sessions())} are connected, try again in a minute")


def _forget_closed() -> None:
    server = runtime.get_instance()
    for session_id in list(_sessions()):
        if not server.is_active_session(session_id):
            _sessions().pop(session_id, None)


def _sessions() -> dict[str, str]:
    """The visitor of each session that has opened a page, in the order of their first visit."""
    return process_wide("sessions", dict[str, str])
