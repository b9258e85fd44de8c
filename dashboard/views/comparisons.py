"""Comparisons of layers that must agree: a verdict and a table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.report.verification import comparison_table
from dashboard.settings.measurement import VerifySettings
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from gqa_core.records.kinds import Record, VerifyRecord


def show_comparisons(
    settings: VerifySettings, live_records: Sequence[Record]
) -> list[VerifyRecord]:
    """Draw and return the newest comparisons with these settings, from the log and this run."""
    logged = read_log(lambda: loaders.logged_records("verify"), ())
    records = [r for r in (*logged, *live_records) if isinstance(r, VerifyRecord)]
    newest = {record.comparison: record for record in records if settings.matches(record)}
    if not newest:
        st.info("No comparison was made with these settings yet. Press **Run**.")
        return []
    failed = [name for name, record in newest.items() if not record.passed]
    panels.show_evidence("measured here")
    if not failed:
        st.success(f"All {len(newest)} comparisons pass: it is the same attention.")
    elif settings.planted:
        panels.show_notice(f"The planted error is caught: {len(failed)} of {len(newest)} fail.")
    else:
        st.error(f"{len(failed)} of {len(newest)} comparisons fail.")
    table = comparison_table(list(newest.values()))
    panels.show_table(table, "comparisons", "Comparisons, their differences and verdicts")
    panels.show_downloads("equivalence", {"csv": table.csv})
    return list(newest.values())
