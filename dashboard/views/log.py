"""Filtered records as tables with downloads: decode steps, then the other kinds."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data import selection
from dashboard.data.decode_rows import Row
from dashboard.data.non_decode_rows import non_decode_rows
from dashboard.data.selection import AnyRow
from dashboard.report.columns import Table
from dashboard.report.log_tables import non_decode_table, runs_table
from dashboard.report.metric import Metric
from dashboard.shell import loaders, panels
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import LoggedRecord


def with_samples(
    rows: Sequence[Row], other_rows: Sequence[LoggedRecord]
) -> tuple[list[Row], list[LoggedRecord]]:
    """The rows of the log, decode steps and other kinds, and those of the sample runs."""
    samples = [LoggedRecord(each, MEASURED_ELSEWHERE) for each in loaders.sample_records()]
    return [*rows, *loaders.sample_rows()], [*other_rows, *non_decode_rows(samples)]


def show_counts(shown: Sequence[AnyRow], logged: Sequence[AnyRow]) -> None:
    """Draw the numbers of records, runs, devices and imported records."""
    counts = {field: len(selection.options(shown, field)) for field in ("run", "device", "date")}
    elsewhere = [row for row in shown if row.evidence == MEASURED_ELSEWHERE]
    panels.show_strip(
        [
            Metric("Records", f"{len(shown)}", f"of {len(logged)}"),
            Metric("Runs", f"{counts['run']}", f"dates: {counts['date']}"),
            Metric("Devices", f"{counts['device']}", "distinguished by name and threads"),
            Metric("Measured elsewhere", f"{len(elsewhere)}", "imported, or the sample run"),
        ]
    )


def show_decode_steps(shown: Sequence[Row], rows: Sequence[Row]) -> None:
    """Draw the decode records, each compared with the MHA of its run among all `rows`."""
    if place := panels.folded("Decode steps", "runs_unfolded"):
        with place:
            panels.show_evidence(*reversed(selection.options(shown, "evidence")), "formula")
            table = runs_table(shown, rows)
            alt = "Decode records that pass the filters, one row per point"
            panels.show_table(table, "runs", alt)
            _show_files("runs", table, shown)


def show_other_records(shown: Sequence[LoggedRecord]) -> None:
    """Draw the records of other kinds: comparisons, generation, cache growth, quality."""
    if place := panels.folded("Records of other kinds", "others_unfolded"):
        with place:
            panels.show_evidence(*reversed(selection.options(shown, "evidence")))
            table = non_decode_table(shown)
            alt = "Other records that pass the filters, one row per record"
            panels.show_table(table, "others", alt)
            _show_files("other_runs", table, shown)


def _show_files(name: str, table: Table, rows: Sequence[AnyRow]) -> None:
    lines = "".join(encode_record(row.record) + "\n" for row in rows)
    panels.show_downloads(name, {"csv": table.csv, "jsonl": lambda: lines})
