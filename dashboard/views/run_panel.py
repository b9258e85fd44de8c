"""Run, Cancel, live progress: the part of a page that starts a measurement and follows it.

The run's id stands in the URL, so a reload finds it again. While it is active a small part of the
page asks for news every so often; the rest is drawn anew only when a point is done, which is when
nothing is being timed.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.shell import loaders
from dashboard.shell.jobs import Job, QueueFullError
from dashboard.shell.panels import escape_markdown
from gqa_core import units
from gqa_core.records.record import Record
from gqa_core.records.run_log import RunLog, RunLogError

POLL_S = 0.4  # soon enough that a redraw falls into the set-up of the next point


def show_device(n_threads: int | None = None) -> Mapping[str, Any]:
    """One line about the device; stops the page with a sentence where it cannot be looked at.

    `n_threads` are the CPU threads of the page's measurement where it does not use all of them.
    """
    try:
        device = loaders.device()
    except RuntimeError as error:
        st.error(f"This machine's device could not be looked at: {error}")
        st.stop()
    threads = units.count(n_threads or device["n_threads"], "thread")
    st.caption(
        f"Runs on **{escape_markdown(device['name'])}** ({device['type']}, {threads}, "
        f"torch {device['torch_version']}), one run at a time."
    )
    return device


def show_run(arguments: Sequence[str], says: str) -> tuple[Sequence[Record], bool]:
    """Run, Cancel and progress; the records of this page's run so far, and whether it goes on.

    Run measures with `python -m gqa_core` and these arguments; `says` tells what that is.
    """
    job = _show_buttons(arguments, says)
    if job is None:
        return (), False
    _show_progress(job)
    return job.records, job.is_active


def show_command(arguments: Sequence[str]) -> None:
    """The line that repeats this run in a terminal."""
    line = shlex.join(["python", "-m", "gqa_core", *arguments, "--out", "-"])
    st.code(line, language="bash", wrap_lines=True)


def _show_buttons(arguments: Sequence[str], says: str) -> Job | None:
    """Run and Cancel; the job this page follows, if there is one."""
    queue = loaders.job_queue()
    job = queue.get(st.query_params.get("run"))
    active = job is not None and job.is_active
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run", type="primary", key="run_button", disabled=active):
            _submit(arguments)
        if st.button("Cancel", key="cancel_button", disabled=not active):
            queue.cancel(job.id)
            st.rerun()
        st.caption(says)
    return job


def _show_progress(job: Job) -> None:
    """How the run stands. While it is active, asks for news and redraws the page with them."""
    seen = (job.state, len(job.records))
    part = st.fragment(_show_state, run_every=POLL_S if job.is_active else None)
    part(job, seen)
    if "--no-log" in job.arguments:
        st.warning(f"This run is not in the log, take its files below. {_log_problem()}")


def _submit(arguments: Sequence[str]) -> None:
    try:
        RunLog().require_writable()
    except RunLogError:
        arguments = (*arguments, "--no-log")
    try:
        st.query_params["run"] = loaders.job_queue().submit(arguments)
    except QueueFullError as error:
        st.warning(str(error))
        return
    st.rerun()


def _show_state(job: Job, seen: tuple[str, int]) -> None:
    if (job.state, len(job.records)) != seen:
        st.rerun()
    measured = f"{len(job.records)} of {job.n_points} points were measured"
    kept = measured if job.lost_records else f"{measured} and are kept"
    if job.state == "waiting":
        ahead = loaders.job_queue().n_ahead(job.id)
        st.info(f"Somebody else is measuring: {ahead} ahead of you. Yours starts by itself.")
    elif job.state == "running":
        done = job.n_done / job.n_points if job.n_points else 0.0
        st.progress(done, f"{job.n_done} of {job.n_points or '?'}: {job.doing}")
    elif job.state == "cancelled":
        st.warning(f"Cancelled: {kept}." if job.n_points else "Cancelled before the first point.")
    elif job.state == "failed":
        st.error(" ".join(job.said + [f"{kept}."] * bool(job.n_points)))
    else:
        st.success(f"Done: {kept}." if job.n_points else " ".join(["Done.", *job.said]))


def _log_problem() -> str:
    try:
        RunLog().require_writable()
    except RunLogError as error:
        return f"The {error}."
    return ""
