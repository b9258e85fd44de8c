"""This machine's device: a line about it, or a notice why it is not known yet."""

from __future__ import annotations

import streamlit as st

from dashboard.controls.device import device_control
from dashboard.shell import loaders
from dashboard.shell.job_queue import JobError, MachineBusyError
from dashboard.shell.panels import escape_markdown
from dashboard.shell.public_text import public_text
from gqa_core import units
from gqa_core.records.device_names import DEFAULT_DEVICE
from gqa_core.records.header import Device, DeviceInfo

__all__ = ["device_or_notice", "rerun_when_free", "show_device", "show_device_line"]

POLL_S = 1.0
BUSY = "This machine is measuring. Its device is shown as soon as the run has reported it."


def show_device(n_threads: int | None = None) -> Device:
    """Show one line about the device and return it; a page without a device stops with a notice.

    Where this machine has several devices, the page's run uses the one that is chosen here.
    `n_threads` is the number of CPU threads of the page's measurement, by default all of them.
    """
    info = _info_or_notice(DEFAULT_DEVICE)
    if info is None:
        st.stop()
    if (name := device_control(info.requestable)) != DEFAULT_DEVICE:
        info = _info_or_notice(name)
        if info is None:
            st.stop()
    threads = units.count(n_threads or info.n_threads, "thread")
    st.caption(
        f"Runs on **{escape_markdown(info.name)}** ({info.type}, {threads}, "
        f"torch {info.torch_version}), one run at a time."
    )
    return info.device


def show_device_line(n_threads: int | None = None) -> str:
    """A sentence about the device that a run would use; in the sidebar a choice of several.

    Empty after a notice that it is not known.
    """
    info = _info_or_notice(DEFAULT_DEVICE)
    if info is not None:
        with st.sidebar:
            name = device_control(info.requestable)
        if name != DEFAULT_DEVICE:
            info = _info_or_notice(name)
    if info is None:
        return ""
    threads = units.count(n_threads or info.n_threads, "thread")
    return f"It runs on **{escape_markdown(info.name)}** ({info.type}, {threads}), one at a time."


def device_or_notice(name: str = DEFAULT_DEVICE) -> Device | None:
    """The device, or None after a notice; while a run is measured, the page redraws by itself."""
    info = _info_or_notice(name)
    return info.device if info else None


def rerun_when_free(name: str = DEFAULT_DEVICE) -> None:
    """Redraw the page once no run is being measured, or the device has become known."""
    was_known = loaders.job_queue().known_device(name) is not None
    st.fragment(_rerun_if_free, run_every=POLL_S)(name, was_known)


def _rerun_if_free(name: str, was_known: bool) -> None:
    queue = loaders.job_queue()
    if not queue.is_measuring or (queue.known_device(name) is not None and not was_known):
        st.rerun()


def _info_or_notice(name: str) -> DeviceInfo | None:
    """The device of this name, or None after a notice."""
    try:
        return loaders.device() if name == DEFAULT_DEVICE else loaders.device(name)
    except MachineBusyError:
        st.info(BUSY)
        rerun_when_free(name)
    except JobError as error:
        reason = escape_markdown(public_text(str(error)))
        st.error(f"This machine's device could not be determined: {reason}.")
    return None
