"""Measured decode steps: metrics, chart over context, tables and downloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.data import decode_rows as tables
from dashboard.data.cache_formats import format_rows
from dashboard.figures.attend_vs_context import attend_vs_context
from dashboard.report.cache_format_tables import format_table
from dashboard.report.columns import Table
from dashboard.report.decode_sentences import decode_answer, describe_speed
from dashboard.report.decode_tables import attend_table, performance_table
from dashboard.report.metric import Metric
from dashboard.report.predictions import prediction_sentence
from dashboard.settings.measurement import DecodeSettings
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from dashboard.views.device import device_or_notice
from dashboard.views.verdict import show_doubts, show_unusable, show_verdict
from gqa_core import units
from gqa_core.records.header import Device
from gqa_core.records.kinds import Record, VerifyRecord, encode_record

BuildTable = Callable[[Sequence[tables.Row]], Table]

POINTS = "Measured decode steps, one row per point"
SCOPES = ("these settings", "everything measured here")
NOTHING = "Nothing is measured on this device for these settings yet. Press **Run**."


def show_results(
    settings: DecodeSettings, device: Device, live_records: Sequence[Record]
) -> list[tables.Row]:
    """Draw what this device measured, from the log and this run.

    Returns the newest rows with these settings, whichever are shown.
    """
    rows = tables.measured_on(merge_with_log(live_records), device)
    matching = tables.latest(tables.matching(rows, settings))
    comparable = scope_control()
    shown = matching if comparable else tables.latest(rows)
    if not shown:
        st.info(NOTHING)
        return matching
    panels.show_evidence("measured here", "formula")
    if comparable:
        _show_attend_times(settings, shown)
        panels.show_figure(
            attend_vs_context(shown, settings.context_lens),
            "attend_vs_context",
            f"Attend time by context for {len(shown)} measured points, as in the table.",
        )
        panels.show_small_table(attend_table(shown))
        _show_formats(settings, rows)
        show_every_point(shown, performance_table, "performance", POINTS)
    else:
        panels.show_table(performance_table(shown), "performance", POINTS)
    st.caption(prediction_sentence(tables.usable(shown)))
    show_doubts(shown)
    show_point_downloads("decode", shown, performance_table)
    return matching


def show_answer(rows: Sequence[tables.Row], context_len: int) -> None:
    """Draw the answer if there are measurements, or why these give none."""
    shown = [row for row in rows if row.context_len == context_len]
    if not all(row.is_usable for row in shown):
        show_unusable("No answer.", shown)
    elif rows:
        st.success(f"**Answer, measured here.** {decode_answer(rows, context_len)}")


def scope_control() -> bool:
    """True to show only what was measured with the current settings, False to show everything."""
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
    """Draw an expander with the table of all points."""
    if place := panels.folded("Every point in full", f"{key}_unfolded"):
        with place:
            panels.show_table(build_table(rows), key, alt)


def show_point_downloads(name: str, rows: Sequence[tables.Row], build_table: BuildTable) -> None:
    """Draw downloads of the rows' table as CSV and of their records as JSON Lines."""
    panels.show_downloads(
        name,
        {
            "csv": lambda: build_table(rows).csv(),
            "jsonl": lambda: "".join(encode_record(row.record) + "\n" for row in rows),
        },
    )


def merge_with_log(live_records: Sequence[Record]) -> list[tables.Row]:
    """The log's rows, then those of this run that are not in the log."""
    logged = read_log(loaders.logged_rows, ())
    known = {(row.record.run_id, row.record.point) for row in logged}
    missing = [record for record in live_records if (record.run_id, record.point) not in known]
    return [*logged, *tables.decode_rows(missing)]


def logged_rows_of_this_device() -> Sequence[tables.Row]:
    """The log's decode rows of this device; a warning if the log cannot be read.

    The device is probed only if there are rows to compare it with.
    """
    rows = read_log(loaders.logged_rows, ())
    device = device_or_notice() if rows else None
    return tables.measured_on(rows, device) if device else ()


def _show_formats(settings: DecodeSettings, rows: Sequence[tables.Row]) -> None:
    """Draw the formats of the cache beside each other, where more than one was measured."""
    logged = read_log(lambda: loaders.logged_records("verify"), ())
    comparisons = [record for record in logged if isinstance(record, VerifyRecord)]
    formats = format_rows(rows, comparisons, settings)
    if not formats:
        return
    st.caption(
        f"Formats of the cache at {settings.context_len} tokens. The error is that of the output "
        "against float64, on normal values: run the page Equivalence at this head width, context "
        "and number format to measure it."
    )
    panels.show_small_table(format_table(formats))


def _show_attend_times(settings: DecodeSettings, rows: Sequence[tables.Row]) -> None:
    """Draw the verdict and the times at the context of the settings, or why there are none."""
    shown = [row for row in rows if row.context_len == settings.context_len]
    if not shown:
        return
    if not all(row.is_usable for row in shown):
        show_unusable(f"No times at {settings.context_len} tokens.", shown)
        return
    show_verdict(shown)
    cache = f", cache in {settings.kv_format}" if shown[0].is_quantised else ""
    st.caption(f"Attend time of one step at {settings.context_len} tokens, 5th percentile{cache}")
    panels.show_strip(
        [
            Metric(
                tables.row_label(versus.row),
                units.duration(versus.row.attend.p5),
                describe_speed(versus),
                versus.row.variant,
            )
            for versus in tables.versus_mha(shown)
        ]
    )
