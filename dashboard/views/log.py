"""Filtered records as tables with downloads, a page at a time: decode steps, then other kinds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data.selection import AnyRow
from dashboard.report.columns import Table
from dashboard.report.log_tables import non_decode_table, runs_table
from dashboard.shell import panels
from dashboard.views.shown_runs import ROWS_PER_PAGE, ShownRuns
from gqa_core.records.kinds import encode_record

WHOLE_LOG = (
    "The files hold the rows of this page of the table. All records of the log, one per line: "
    "`python -m gqa_core log --jsonl`."
)


def show_decode_steps(shown: ShownRuns) -> None:
    """Draw the decode records, each compared with the MHA of its run."""
    if place := panels.folded("Decode steps", "runs_unfolded"):
        with place:
            rows = shown.decode_page(_choose_page("runs_page", shown.n_decode))
            table = runs_table(rows, shown.mha_rows(rows))
            alt = "Decode records that pass the filters, one row per point"
            evidence = (*shown.evidence(is_decode=True), "formula")
            panels.show_table(table, "runs", alt, evidence)
            _show_files("runs", table, rows, is_whole=len(rows) == shown.n_decode)


def show_other_records(shown: ShownRuns) -> None:
    """Draw the records of other kinds: comparisons, generation, cache growth, quality."""
    if place := panels.folded("Records of other kinds", "others_unfolded"):
        with place:
            rows = shown.other_kinds_page(_choose_page("others_page", shown.n_other_kinds))
            table = non_decode_table(rows)
            alt = "Other records that pass the filters, one row per record"
            panels.show_table(table, "others", alt, shown.evidence(is_decode=False))
            _show_files("other_runs", table, rows, is_whole=len(rows) == shown.n_other_kinds)


def _choose_page(key: str, n_rows: int) -> int:
    """The page of a table that a visitor chose; without a widget if all rows fit on one."""
    n_pages = -(-n_rows // ROWS_PER_PAGE)
    if n_pages <= 1:
        return 1
    if st.session_state.get(key, 1) > n_pages:
        st.session_state[key] = n_pages
    number = st.pagination(n_pages, key=key)
    first = ROWS_PER_PAGE * (number - 1) + 1
    last = min(first + ROWS_PER_PAGE - 1, n_rows)
    st.caption(f"Rows {first:,} to {last:,} of {n_rows:,}, newest first.")
    return number


def _show_files(name: str, table: Table, rows: Sequence[AnyRow], *, is_whole: bool) -> None:
    lines = "".join(encode_record(row.record) + "\n" for row in rows)
    panels.show_downloads(name, {"csv": table.csv, "jsonl": lambda: lines})
    if not is_whole:
        st.caption(WHOLE_LOG)
