"""What came out of comparing what must be equal: a verdict, and a row for each comparison."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.report.verification import comparison_table
from dashboard.settings.measurement import VerifySettings
from dashboard.shell import loaders, panels
from gqa_core.records.record import Record
from gqa_core.records.run_log import RunLogError


def show_comparisons(settings: VerifySettings, held: Sequence[Record]) -> list[Record]:
    """The newest comparisons with these settings, from the log and from `held`; returns them."""
    try:
        logged = loaders.logged_records("check")
    except RunLogError as error:
        st.warning(f"The {error}.")
        logged = ()
    newest = {r["comparison"]: r for r in (*logged, *held) if settings.matches(r)}
    if not newest:
        st.info("Nothing is compared with these settings yet. Press **Run**.")
        return []
    failed = [name for name, record in newest.items() if not record["passed"]]
    panels.show_evidence("measured here")
    if not failed:
        st.success(f"All {len(newest)} comparisons pass: it is the same attention.")
    elif settings.planted:
        st.warning(f"The planted error is caught: {len(failed)} of {len(newest)} fail.")
    else:
        st.error(f"{len(failed)} of {len(newest)} comparisons fail.")
    table = comparison_table(list(newest.values()))
    panels.show_table(table, "comparisons", "Comparisons, their differences and verdicts")
    panels.show_downloads("equivalence", {"csv": table.csv})
    return list(newest.values())
