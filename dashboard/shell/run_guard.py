"""Reasons to end a job: its deadline, its memory, a closed tab. No streamlit in this file."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.shell.jobs import Job, RunJob
from dashboard.shell.supervision import family_bytes
from gqa_core import units
from gqa_core.limits.available import available_bytes
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits

__all__ = ["cap_bytes", "reason_to_end"]

PROGRAM_BYTES = 2 * 10**9  # beside the tensors: Python, torch, compilers and threads, at most
LEAST_BYTES = 10**9  # without which no run could start


def cap_bytes() -> int:
    """The most that the processes of a run that starts now may take together."""
    free = available_bytes() * (100 - limits().memory_margin_percent) // 100
    return max(min(limits().run_bytes + PROGRAM_BYTES, free), LEAST_BYTES)


def reason_to_end(job: Job, now_s: float, is_present: Callable[[str], bool]) -> str | None:
    """One sentence that ends a job that waits or runs; None while it may go on.

    `now_s` is of the monotonic clock; `is_present` tells if a visitor has a tab open.
    """
    return _closed(job, now_s, is_present) or _overdue(job, now_s) or _too_large(job)


def _closed(job: Job, now_s: float, is_present: Callable[[str], bool]) -> str | None:
    if not job.visitor or is_present(job.visitor):
        job.absent_since_s = None
        return None
    if job.absent_since_s is None:
        job.absent_since_s = now_s
    is_waiting = job.state == "waiting"
    name = "closed_waiting_seconds" if is_waiting else "closed_running_seconds"
    if now_s - job.absent_since_s < getattr(limits(), name):
        return None
    return str(limit_error(name))


def _overdue(job: Job, now_s: float) -> str | None:
    if not isinstance(job, RunJob) or job.waits_for or job.state != "running":
        return None
    if job.seconds(now_s) <= limits().run_seconds:
        return None
    return str(limit_error("run_seconds", f"ended after {job.seconds(now_s):,.0f} s"))


def _too_large(job: Job) -> str | None:
    if job.process is None or not job.cap_bytes:
        return None
    if (n_bytes := family_bytes(job.process.pid)) <= job.cap_bytes:
        return None
    got = (
        f"it was ended when all its processes held {units.decimal(n_bytes)}; with Python and "
        f"torch they may hold {units.decimal(job.cap_bytes)}"
    )
    return str(limit_error("run_bytes", got))
