"""Run, Cancel, live progress: the part of a page that starts a measurement and follows it.

The run's id stands in the URL, so a reload finds it again. While it is active the part below the
buttons asks for news once a second, and nothing else of the page is redrawn.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import loaders
from dashboard.choices import DecodeChoice
from dashboard.jobs import Job, QueueFullError
from dashboard.results import show_results
from gqa_core.measure.run_log import RunLog, RunLogError

POLL_S = 1.0


def show_device() -> Mapping[str, Any]:
    """One line about the device; stops the page with a sentence where it cannot be looked at."""
    try:
        device = loaders.device()
    except RuntimeError as error:
        st.error(f"This machine's device could not be looked at: {error}")
        st.stop()
    st.caption(
        f"Runs on **{device['name']}** ({device['type']}, {device['n_threads']} threads, "
        f"torch {device['torch_version']}), one run at a time."
    )
    return device


def show_run_buttons(choice: DecodeChoice) -> Job | None:
    """Run and Cancel; the job this page follows, if there is one."""
    queue = loaders.job_queue()
    job = queue.get(st.query_params.get("run"))
    active = job is not None and job.is_active
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run", type="primary", key="run_button", disabled=active):
            _submit(choice)
        if st.button("Cancel", key="cancel_button", disabled=not active):
            queue.cancel(job.id)
            st.rerun()
        contexts = ", ".join(map(str, choice.context_lens))
        st.caption(f"Measures every variant at {contexts} tokens, the context above and two below.")
    return job


def show_live(choice: DecodeChoice, device: Mapping[str, Any], job: Job | None) -> None:
    """Progress, then what the log and this run hold for the sliders; polls while the job is on."""
    active = job is not None and job.is_active
    part = st.fragment(_show_progress_and_results, run_every=POLL_S if active else None)
    part(choice, device, job, active)


def show_command(choice: DecodeChoice) -> None:
    """The line that repeats this run in a terminal."""
    line = f"python -m gqa_core bench {shlex.join(choice.arguments)} --out -"
    st.code(line, language="bash", wrap_lines=True)


def _submit(choice: DecodeChoice) -> None:
    arguments = choice.arguments
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


def _show_progress_and_results(
    choice: DecodeChoice, device: Mapping[str, Any], job: Job | None, was_active: bool
) -> None:
    if was_active and not job.is_active:
        st.rerun()
    if job is not None:
        _show_progress(job)
    show_results(choice, device, list(job.records) if job is not None else [])


def _show_progress(job: Job) -> None:
    kept = f"{len(job.records)} of {job.n_points or '?'} points were measured and are kept"
    if job.state == "waiting":
        ahead = loaders.job_queue().n_ahead(job.id)
        st.info(f"Somebody else is measuring: {ahead} ahead of you. Yours starts by itself.")
    elif job.state == "running":
        done = job.n_done / job.n_points if job.n_points else 0.0
        st.progress(done, f"{job.n_done} of {job.n_points or '?'}: {job.doing}")
    elif job.state == "cancelled":
        st.warning(f"Cancelled: {kept}.")
    elif job.state == "failed":
        st.error(" ".join([*job.said, f"{kept}."]))
    else:
        st.success(f"Done: {kept}.")
    if "--no-log" in job.arguments:
        st.warning(f"This run is not in the log, take its files below. {_log_problem()}")


def _log_problem() -> str:
    try:
        RunLog().require_writable()
    except RunLogError as error:
        return f"The {error}."
    return ""
