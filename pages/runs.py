"""Runs: do all measurements in the log, made here and elsewhere, agree? (measured)"""

import streamlit as st

from dashboard.controls.log_filters import filter_controls
from dashboard.data import selection
from dashboard.report.log_sentences import sharing_sentence
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from dashboard.shell.page import open_page
from dashboard.views.log import show_counts, show_decode_steps, show_other_records
from dashboard.views.log_comparison import show_comparison
from dashboard.views.record_import import show_import

open_page("Runs, kept and compared")
rows, other_rows = read_log(lambda: (loaders.logged_rows(), loaders.logged_others()), ((), ()))
if not rows and not other_rows:
    st.info(
        "The log is empty. Measure something on the page **Decode**, or import the records of "
        "another machine below."
    )
    show_import()
    st.stop()
shown, other_shown = filter_controls(rows, other_rows)
show_counts([*shown, *other_shown], [*rows, *other_rows])
if not shown and not other_shown:
    st.info("No record passes these filters. Remove a value from one of them.")
    show_import()
    st.stop()
if shown:
    show_decode_steps(shown, rows)
    st.subheader("Two selections on one chart")
    panels.show_evidence(*reversed(selection.options(shown, "evidence")))
    show_comparison(shown)
if other_shown:
    show_other_records(other_shown)
show_import()
st.markdown(
    "**What a record contains.** The settings, the kernel that ran, the device, the raw samples, "
    "the torch version and the commit; percentiles are computed from the samples. Speed is "
    "relative to the MHA of the same run. Unusable samples are faint and not compared.\n\n"
    "**Limits.** Imported records come from their sender. Their numbers are checked against the "
    "formula and against each other, but their times cannot be checked."
)
st.success(f"**Answer from the records shown.** {sharing_sentence(shown)}")
