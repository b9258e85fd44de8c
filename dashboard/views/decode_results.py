"""What is measured for the sliders: metrics, table, downloads and the chart over context."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.data import decode_rows as tables
from dashboard.figures.attend_vs_context import attend_vs_context
from dashboard.report.columns import Table
from dashboard.report.decode_tables import attend_table, performance_table
from dashboard.report.predictions import prediction_sentence
from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import loaders, panels
from dashboard.views.device import device_or_notice
from gqa_core import units
from gqa_core.records.record import Record
from gqa_core.records.run_log import RunLogError

BuildTable = Callable[[Sequence[tables.Row]], Table]

POINTS = "Measured decode steps, one row a point"
SCOPES = ("these settings", "everything measured here")
NOTHING = "Nothing is measured on this device for these settings yet. Press **Run**."


def show_results(
    settings: DecodeSettings, device: Mapping[str, Any], held: Sequence[Record]
) -> list[tables.Row]:
    """What this device measured: the log's records, and `held` ones that it may not have.

    Returns the newest rows of these settings, whichever are shown.
    """
    rows = tables.measured_on(merge_with_log(held), device)
    mine = tables.latest(tables.matching(rows, settings))
    comparable = scope_control()
    shown = mine if comparable else tables.latest(rows)
    if not shown:
        st.info(NOTHING)
        return mine
    panels.show_evidence("measured here", "formula")
    if comparable:
        _show_attend_times(settings, shown)
        panels.show_figure(
            attend_vs_context(shown, settings.context_lens),
            "attend_vs_context",
            f"Median attend time by context for {len(shown)} measured points, as in the table.",
        )
        panels.show_small_table(attend_table(shown))
        show_every_point(shown, performance_table, "performance", POINTS)
    else:
        panels.show_table(performance_table(shown), "performance", POINTS)
    st.caption(prediction_sentence(shown))
    show_warning_count(shown)
    show_point_downloads("decode", shown, performance_table)
    return mine


def scope_control() -> bool:
    """Whether to show what was measured with the sliders' settings alone, or everything."""
    scope = st.segmented_control(
        "Show",
        SCOPES,
        default=SCOPES[0],
        required=True,
        key="scope",
        label_visibility="collapsed",
    )
    return scope == SCOPES[0]


def show_every_point(
    rows: Sequence[tables.Row], build_table: BuildTable, key: str, alt: str
) -> None:
    """A line to open, and behind it the table of all points."""
    if place := panels.lazy_expander("Every point in full", f"{key}_unfolded"):
        with place:
            panels.show_table(build_table(rows), key, alt)


def show_point_downloads(name: str, rows: Sequence[tables.Row], build_table: BuildTable) -> None:
    """The rows' table as CSV, and their records as JSON Lines."""
    panels.show_downloads(
        name,
        {
            "csv": lambda: build_table(rows).csv(),
            "jsonl": lambda: "".join(json.dumps(row["record"]) + "\n" for row in rows),
        },
    )


def show_warning_count(rows: Sequence[tables.Row]) -> None:
    """How many of these rows carry a warning, if any does."""
    if unsure := sum(bool(row["warnings"]) for row in rows):
        st.caption(
            f"{unsure} of {len(rows)} rows carry a warning, most often a spread over 10%: other "
            "work on this machine was in the way. Run again when it is quiet."
        )


def merge_with_log(held: Sequence[Record]) -> list[tables.Row]:
    """The log's rows and, behind them, those of the run that the log does not hold."""
    try:
        logged = loaders.logged_rows()
    except RunLogError as error:
        st.warning(f"The {error}.")
        logged = ()
    known = {(row["run_id"], row["point"]) for row in logged}
    missing = [
        record
        for record in held
        if record["kind"] == "decode" and (record["run_id"], record["point"]) not in known
    ]
    return [*logged, *tables.decode_rows(missing)]


def show_logged_rows() -> Sequence[tables.Row]:
    """The log's decode rows of this device; a sentence, and none, where they cannot be had.

    The device is looked at only where there is a row to hold against it.
    """
    try:
        rows = loaders.logged_rows()
    except RunLogError as error:
        st.warning(f"The {error}.")
        return ()
    device = device_or_notice() if rows else None
    return tables.measured_on(rows, device) if device else ()


def _show_attend_times(settings: DecodeSettings, rows: Sequence[tables.Row]) -> None:
    here = [row for row in rows if row["context_len"] == settings.context_len]
    if here:
        st.caption(f"Attend time of one step at {settings.context_len} tokens, median")
    panels.show_metrics(
        [
            (
                row["label"],
                units.duration(row["attend_s"]),
                f"{units.times(speed)} the speed of MHA" if speed else "no MHA to compare with",
            )
            for row, speed in zip(here, tables.speeds_vs_mha(here), strict=True)
        ]
    )
