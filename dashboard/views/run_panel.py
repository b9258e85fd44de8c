"""Run, Cancel, live progress: the part of a page that starts a measurement and follows it.

The run's id stands in the URL, so a reload finds it again. While it is active, a fragment of the
page polls for news; the rest is redrawn only when a point is done, which is when nothing is timed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from dashboard.controls.device import chosen_device_arguments
from dashboard.shell import loaders, page_content
from dashboard.shell.job_queue import QueueFullError
from dashboard.shell.jobs import RunJob
from gqa_core import units
from gqa_core.records.kinds import Record
from gqa_core.records.run_log import RunLog, RunLogError

__all__ = ["run_command", "show_command", "show_run"]

POLL_S = 0.4  # soon enough that a redraw falls into the set-up of the next point


def show_run(arguments: Sequence[str], description: str) -> tuple[Sequence[Record], bool]:
    """Show Run, Cancel and progress; returns the records of this page's run and if it is active.

    Run measures with `python -m gqa_core` and these arguments, as `description` says, on the device
    that the page has drawn a choice of.
    """
    run = _show_buttons((*arguments, *chosen_device_arguments()), description)
    if run is None:
        return (), False
    _show_progress(run)
    return run.records, run.is_active


def run_command(arguments: Sequence[str]) -> str:
    """The line that repeats this run in a terminal."""
    words = ["python", "-m", "gqa_core", *arguments, *chosen_device_arguments(), "--out", "-"]
    return shlex.join(words)


def show_command(arguments: Sequence[str]) -> None:
    """Show the line that repeats this run in a terminal."""
    line = run_command(arguments)
    page_content.note_command(line)
    st.code(line, language="bash", wrap_lines=True)


def _show_buttons(arguments: Sequence[str], description: str) -> RunJob | None:
    """Show Run and Cancel; returns the run that this page follows, if there is one."""
    queue = loaders.job_queue()
    run = queue.get(st.query_params.get("run"))
    is_active = run is not None and run.is_active
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run", type="primary", key="run_button", disabled=is_active):
            _submit(arguments)
        if st.button("Cancel", key="cancel_button", disabled=not is_active) and run is not None:
            queue.cancel(run.id)
            st.rerun()
        st.caption(description)
    return run


def _show_progress(run: RunJob) -> None:
    """Show the run's state; while it is active, poll it and redraw the page when it changes."""
    drawn_state = (run.state, len(run.records))
    part = st.fragment(_show_state, run_every=POLL_S if run.is_active else None)
    part(run, drawn_state)
    if not run.has_log:
        st.warning(f"This run is not in the log: download its records below. {_log_problem()}")


def _submit(arguments: Sequence[str]) -> None:
    """Start a run, without the log if that cannot be written; the page then follows it."""
    if _log_problem():
        arguments = (*arguments, "--no-log")
    try:
        st.query_params["run"] = loaders.job_queue().submit(arguments)
    except QueueFullError as error:
        st.warning(f"{str(error).capitalize()}.")
        return
    st.rerun()


def _show_state(run: RunJob, drawn_state: tuple[str, int]) -> None:
    """Show how far the run is; redraws the page if that is no longer what it shows."""
    if (run.state, len(run.records)) != drawn_state:
        st.rerun()
    match run.state:
        case "waiting":
            n_ahead = units.count(loaders.job_queue().n_ahead(run.id), "run")
            st.info(f"This machine is measuring: {n_ahead} ahead of yours, which starts by itself.")
        case "running":
            fraction = run.n_done / run.n_points if run.n_points else 0.0
            st.progress(fraction, f"{run.n_done} of {run.n_points or '?'}: {run.activity}")
        case "cancelled":
            n_points = run.n_points
            st.warning(
                f"Cancelled: {_summary(run)}." if n_points else "Cancelled before the first point."
            )
        case "failed":
            st.error(" ".join([*run.messages, *[f"{_summary(run)}."] * bool(run.n_points)]))
        case "done":
            done = f"Done: {_summary(run)}." if run.n_points else "Done."
            st.success(" ".join([done, *([] if run.n_points else run.messages)]))


def _summary(run: RunJob) -> str:
    """The clause that says how many points were measured, and whether the log has them."""
    measured = f"{len(run.records)} of {run.n_points} points were measured"
    return f"{measured} and are in the log" if run.is_logged else measured


def _log_problem() -> str:
    """One sentence if the log cannot be written, else an empty text."""
    try:
        RunLog().validate_writable()
    except RunLogError as error:
        return f"The {error}."
    return ""
