"""The choice of the device that a page measures on, where this machine has several."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.settings.devices import device_arguments
from dashboard.shell.links import validate_query_param
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import Select
from gqa_core.records.device_names import DEFAULT_DEVICE

__all__ = ["KEY", "chosen_device", "chosen_device_arguments", "device_control"]

KEY = "run_device"


def device_control(requestable: Sequence[str]) -> str:
    """The name of the device to measure on; a choice is drawn where there is more than a CPU.

    The link's value is validated in any case.
    """
    names = (DEFAULT_DEVICE, *requestable)
    if len(requestable) < 2:
        validate_query_param(
            KEY,
            f"one of this machine's devices ({', '.join(names)})",
            lambda values: len(values) == 1 and values[0] in names,
            DEFAULT_DEVICE,
        )
        return DEFAULT_DEVICE
    return Select(
        key=KEY,
        label="Device",
        options=names,
        default=DEFAULT_DEVICE,
        help="auto takes a GPU if torch can use one, and of several the first.",
        width=220,
    ).show()


def chosen_device() -> str:
    """The name of the device that the page's choice will show, before it is drawn."""
    return str(st.session_state.get(KEY) or st.query_params.get(KEY) or DEFAULT_DEVICE)


def chosen_device_arguments() -> tuple[str, ...]:
    """The arguments that request the device which this page has drawn a choice of, if it has."""
    return device_arguments(current_settings().get(KEY, DEFAULT_DEVICE))
