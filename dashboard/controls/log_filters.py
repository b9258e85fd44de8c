"""Widgets that filter the records of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.data import selection
from dashboard.data.log_filter import LogFilter
from dashboard.shell.links import show_link_row
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import MultiSelect, Toggle

FIELDS = ("variant", "context", "device", "dtype", "evidence", "kind", "date", "run")
N_IN_SIGHT = 3  # filters; the others are folded
SAMPLES = Toggle(
    key="with_samples",
    label="With the sample run",
    help="Records that ship with the program, measured elsewhere; they are no part of the log.",
)
HELP = {"run": "The newest 500 runs, if there are more."}
DECODE_ONLY = "Filters decode steps only: records of other kinds do not have it."


def sample_control(*, is_empty: bool, has_samples: bool) -> bool:
    """True to show the sample runs too: always where the log `is_empty`, else by a switch."""
    if not has_samples or is_empty:
        return has_samples
    with st.sidebar:
        return SAMPLES.show()


def filter_controls(options: Callable[[str], Mapping[Any, tuple[Any, ...]]]) -> LogFilter:
    """The filter of the chosen options; `options` gives those of a field, with their values.

    Fields that only decode records have filter decode steps alone.
    """
    wanted = {}
    with st.sidebar:
        above, in_sight = st.container(), st.container()
        more = st.expander("More filters")
        for index, field in enumerate(FIELDS):
            with in_sight if index < N_IN_SIGHT else more:
                wanted[field] = _show_filter(field, list(options(field)))
        with above:
            show_link_row(current_settings())
    devices = {name: values for name, values in options("device").items() if values}
    return LogFilter(wanted=wanted, devices=devices)


def _show_filter(field: str, options: Sequence[Any]) -> list[Any]:
    """Draw the filter of a field and return the wanted values."""
    return MultiSelect(
        key=f"only_{field}",
        label=field.capitalize() + (" (UTC)" if field == "date" else ""),
        options=options,
        placeholder="all",
        help=DECODE_ONLY if field in selection.DECODE_ONLY_FIELDS else HELP.get(field),
    ).show()
