"""Run, Cancel, live progress: the part of a page that starts a measurement and follows it.

The run's id stands in the URL, so a reload finds it again. While it is active, a fragment of the
page polls for news; the rest is redrawn only when a point is done, which is when nothing is timed.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.controls.device import chosen_device_arguments
from dashboard.report.markup import full_sentence
from dashboard.shell import loaders
from dashboard.shell.admission import require_allowed
from dashboard.shell.jobs import RunJob
from dashboard.shell.links import add_link_error
from dashboard.shell.page_log import log_sentence, use_log
from dashboard.shell.panels import escape_markdown
from dashboard.shell.public_text import public_messages
from dashboard.shell.visitors import RUN, address, visitor
from dashboard.views.device import show_device_line
from gqa_core import units
from gqa_core.limits.refusal import LimitError, limit_error
from gqa_core.limits.settings import limits
from gqa_core.records.kinds import Record
from gqa_core.records.run_log import RunLogError

__all__ = [
    "current_run",
    "refusal",
    "run_command",
    "show_progress",
    "show_run",
    "show_run_bar",
]

UNKNOWN_RUN = (
    "run in the link is not known here any more: the server was restarted, or many runs came after "
    "it; its records are on the page Runs"
)
LONG_S = 300.0  # of an estimate, which is given in minutes beyond
POLL_S = 0.4  # soon enough that a redraw falls into the set-up of the next point


def current_run() -> RunJob | None:
    """The run that this page follows, if there is one; one that is gone is said and forgotten."""
    run = loaders.job_queue().get(st.query_params.get(RUN))
    if run is None and RUN in st.query_params:
        add_link_error(RUN, UNKNOWN_RUN)
        del st.query_params[RUN]
        st.rerun()  # the page's top shows the sentence
    return run


def show_run(
    arguments: Sequence[str], description: str, estimate_s: float
) -> tuple[Sequence[Record], bool]:
    """Show Run, Cancel and progress; returns the records of this page's run and if it is active.

    Run measures with `python -m gqa_core` and these arguments, as `description` says, on the device
    that the page has drawn a choice of, for about `estimate_s` seconds.
    """
    run = current_run()
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Run, about {_about(estimate_s)}"
        _show_run((*arguments, *chosen_device_arguments()), run, label, estimate_s)
        _show_cancel(run)
        st.caption(refusal(arguments) or description)
    if run is None:
        return (), False
    show_progress(run, estimate_s)
    return run.records, run.is_active


def run_command(arguments: Sequence[str]) -> str:
    """The line that repeats this run in a terminal."""
    words = ["python", "-m", "gqa_core", *arguments, *chosen_device_arguments(), "--out", "-"]
    return shlex.join(words)


def show_run_bar(
    bar: DeltaGenerator,
    arguments: Sequence[str],
    description: str,
    estimate_s: float,
    n_threads: int | None = None,
) -> None:
    """Draw Run, or Cancel while a run is active, into `bar`, and here what would run and where.

    Call it last, because a page may have to wait until the device is known.
    """
    device = show_device_line(n_threads)
    st.caption(refusal(arguments) or f"**Run here** {description}. {device}")
    run = current_run()
    with bar:
        if run is not None and run.is_active:
            _show_cancel(run)
        else:
            label = f"Run here, about {_about(estimate_s)}"
            _show_run((*arguments, *chosen_device_arguments()), run, label, estimate_s)


def refusal(arguments: Sequence[str]) -> str:
    """The sentence, in Markdown, why visitors may not start this run at all; empty if they may."""
    try:
        require_allowed((*arguments,))
    except LimitError as error:
        return escape_markdown(full_sentence(str(error)))
    return ""


def _about(estimate_s: float) -> str:
    """An estimate as a button says it: "40 s", or whole minutes of a long run."""
    if estimate_s <= LONG_S:
        return f"{10 * math.ceil(estimate_s / 10)} s"
    return f"{math.ceil(estimate_s / 60):,} min"


def _show_run(arguments: Sequence[str], run: RunJob | None, label: str, estimate_s: float) -> None:
    is_active = run is not None and run.is_active
    is_refused = bool(refusal(arguments))
    if st.button(label, type="primary", key="run_button", disabled=is_active or is_refused):
        _submit(arguments, estimate_s)


def _show_cancel(run: RunJob | None) -> None:
    is_active = run is not None and run.is_active
    if st.button("Cancel", key="cancel_button", disabled=not is_active) and run is not None:
        loaders.job_queue().cancel(run.id)
        st.rerun()


def show_progress(run: RunJob, estimate_s: float | None = None) -> None:
    """Show the run's state; while it is active, poll it and redraw the page when it changes.

    `estimate_s` are about the seconds of a whole run.
    """
    drawn_state = (run.state, len(run.records))
    part = st.fragment(_show_state, run_every=POLL_S if run.is_active else None)
    part(run, drawn_state, estimate_s)
    if not run.has_log:
        problem = escape_markdown(_log_problem())
        st.warning(f"This run is not in the log: download its records below. {problem}")


def _submit(arguments: Sequence[str], estimate_s: float) -> None:
    """Start a run, without the log if that cannot be written; the page then follows it."""
    if _log_problem():
        arguments = (*arguments, "--no-log")
    try:
        if estimate_s > limits().run_seconds:
            raise limit_error("run_seconds", f"this one would take about {estimate_s:,.0f} s")
        st.query_params[RUN] = loaders.job_queue().submit(arguments, visitor(), address())
    except LimitError as error:
        st.warning(escape_markdown(full_sentence(str(error))))
        return
    st.rerun()


def _show_state(run: RunJob, drawn_state: tuple[str, int], estimate_s: float | None = None) -> None:
    """Show how far the run is; redraws the page if that is no longer what it shows."""
    if (run.state, len(run.records)) != drawn_state:
        st.rerun()
    match run.state:
        case "waiting":
            if not (n_ahead := loaders.job_queue().n_ahead(run.id)):
                st.progress(0.0, "Starting")
                return
            runs = units.count(n_ahead, "run")
            st.info(f"This machine is measuring: {runs} ahead of yours, which starts by itself.")
        case "running" if run.waits_for:
            holder = run.waits_for.holder.capitalize()
            st.info(f"{holder} is measuring on this machine: this run starts by itself after it.")
        case "running":
            fraction = run.n_done / run.n_points if run.n_points else 0.0
            done = f"{run.n_done} of {run.n_points or '?'}: {run.activity}"
            st.progress(fraction, f"{done}{_describe_seconds(run, estimate_s)}")
        case "cancelled":
            n_points = run.n_points
            st.warning(
                f"Cancelled: {_summary(run)}." if n_points else "Cancelled before the first point."
            )
        case "failed":
            st.error(_sentences(run, [f"{_summary(run)}."] * bool(run.n_points)))
        case "done":
            done = f"Done: {_summary(run)}." if run.n_points else "Done."
            st.success(done if run.n_points else f"{done} {_sentences(run, [])}")


def _describe_seconds(run: RunJob, estimate_s: float | None) -> str:
    """The seconds so far, and about how many are left, where that can be estimated."""
    now_s = time.monotonic()
    if run.started_s is None or (estimate_s is None and not run.n_done):
        return ""
    left_s = run.seconds_left(now_s, estimate_s or 0.0)
    left = f", about {left_s:.0f} s left" if left_s >= 1 else ""
    return f" ({run.seconds(now_s):.0f} s so far{left})"


def _summary(run: RunJob) -> str:
    """The clause that says how many points were measured, and whether the log has them."""
    measured = f"{len(run.records)} of {run.n_points} points were measured"
    if not (run.is_logged and run.records):
        return measured
    return f"{measured}{_whether_logged(run.records)}"


def _whether_logged(records: Sequence[Record]) -> str:
    """The end of the clause: the log is asked now, since it may have been lost after the run."""
    try:
        n_logged = use_log(lambda log: log.n_records(records[0].run_id))
    except RunLogError as error:
        reason = log_sentence(error).removeprefix("The ").removesuffix(".")
        return f", but whether they are in the log is not known now ({reason}): download them below"
    if n_logged < len(records):
        return f", but only {n_logged} of them are in the log: download them below"
    return " and are in the log"


def _sentences(run: RunJob, more: Sequence[str]) -> str:
    """The messages of the run's process, letter by letter in Markdown, and `more`."""
    return escape_markdown(" ".join([*public_messages(run.messages), *more]))


def _log_problem() -> str:
    """One sentence if the log cannot be written, else an empty text.

    Records of a log whose server does not answer wait in a file: the run itself says so.
    """
    try:
        use_log(lambda log: log.prepare())
    except RunLogError as error:
        return log_sentence(error)
    return ""
