"""Filtered records as tables with downloads: decode steps, then the other kinds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.data.selection import AnyRow
from dashboard.report.columns import Table
from dashboard.report.log_tables import non_decode_table, runs_table
from dashboard.report.metric import Metric
from dashboard.shell import panels
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import LoggedRecord


def show_counts(shown: Sequence[AnyRow], logged: Sequence[AnyRow]) -> None:
    """Draw the numbers of records, runs, devices and imported records."""
    counts = {field: len(selection.options(shown, field)) for field in ("run", "device", "date")}
    elsewhere = [row for row in shown if row.evidence == MEASURED_ELSEWHERE]
    panels.show_strip(
        [
            Metric("Records", f"{len(shown)}", f"of {len(logged)} in the log"),
            Metric("Runs", f"{counts['run']}", f"dates: {counts['date']}"),
            Metric("Devices", f"{counts['device']}", "distinguished by name and threads"),
            Metric("Measured elsewhere", f"{len(elsewhere)}", "imported records"),
        ]
    )


def show_decode_steps(shown: Sequence[Row], rows: Sequence[Row]) -> None:
    """Draw the decode records, each compared with the MHA of its run among all `rows`."""
    st.subheader("Decode steps")
    panels.show_evidence(*reversed(selection.options(shown, "evidence")), "formula")
    table = runs_table(shown, rows)
    panels.show_table(table, "runs", "Decode records that pass the filters, one row per point")
    _show_files("runs", table, shown)


def show_other_records(shown: Sequence[LoggedRecord]) -> None:
    """Draw the records of other kinds: comparisons, generation, cache growth, quality."""
    st.subheader("Records of other kinds")
    panels.show_evidence(*reversed(selection.options(shown, "evidence")))
    table = non_decode_table(shown)
    panels.show_table(table, "others", "Other records that pass the filters, one row per record")
    _show_files("other_runs", table, shown)


def _show_files(name: str, table: Table, rows: Sequence[AnyRow]) -> None:
    lines = "".join(encode_record(row.record) + "\n" for row in rows)
    panels.show_downloads(name, {"csv": table.csv, "jsonl": lambda: lines})
