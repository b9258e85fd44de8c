"""This machine's device: a line about it, or a notice why it is not known yet."""

from __future__ import annotations

import streamlit as st

from dashboard.shell import loaders
from dashboard.shell.job_queue import JobError, MachineBusyError
from dashboard.shell.panels import escape_markdown
from gqa_core import units
from gqa_core.records.header import Device, DeviceInfo

__all__ = ["device_or_notice", "rerun_when_free", "show_device"]

POLL_S = 1.0
BUSY = "This machine is measuring. Its device is shown as soon as the run has reported it."


def show_device(n_threads: int | None = None) -> Device:
    """Show one line about the device and return it; a page without a device stops with a notice.

    `n_threads` is the number of CPU threads of the page's measurement, by default all of them.
    """
    info = _info_or_notice()
    if info is None:
        st.stop()
    threads = units.count(n_threads or info.n_threads, "thread")
    st.caption(
        f"Runs on **{escape_markdown(info.name)}** ({info.type}, {threads}, "
        f"torch {info.torch_version}), one run at a time."
    )
    return info.device


def device_or_notice() -> Device | None:
    """The device, or None after a notice; while a run is measured, the page redraws by itself."""
    info = _info_or_notice()
    return info.device if info else None


def rerun_when_free() -> None:
    """Redraw the page once no run is being measured, or the device has become known."""
    was_known = loaders.job_queue().device_info is not None
    st.fragment(_rerun_if_free, run_every=POLL_S)(was_known)


def _rerun_if_free(was_known: bool) -> None:
    queue = loaders.job_queue()
    if not queue.is_measuring or (queue.device_info is not None and not was_known):
        st.rerun()


def _info_or_notice() -> DeviceInfo | None:
    try:
        return loaders.device()
    except MachineBusyError:
        st.info(BUSY)
        rerun_when_free()
    except JobError as error:
        st.error(f"This machine's device could not be determined: {escape_markdown(str(error))}.")
    return None
