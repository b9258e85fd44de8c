"""What do all measurements kept say, here and elsewhere: do they agree? (measured)"""

import streamlit as st

from dashboard.controls.log_filters import filter_controls
from dashboard.data import selection
from dashboard.report.log_sentences import sharing_sentence
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from dashboard.shell.page import open_page
from dashboard.views.log import show_counts, show_decode_steps, show_others
from dashboard.views.log_comparison import show_comparison
from dashboard.views.record_import import show_import

open_page(
    "Runs, kept and compared",
    "The lecture: “By using GQA, engineers get the memory efficiency needed for large-scale "
    "systems”. Does every record that is kept, here and on other machines, bear that out?",
)
rows, others = read_log(lambda: (loaders.logged_rows(), loaders.logged_others()), ((), ()))
if not rows and not others:
    st.info(
        "No record is kept yet. Measure on the page **Decode**, or import the records of another "
        "machine below."
    )
    show_import()
    st.stop()
shown, shown_others = filter_controls(rows, others)
show_counts([*shown, *shown_others], [*rows, *others])
if not shown and not shown_others:
    st.info("No record fits these filters. Take a value out of one of them.")
    show_import()
    st.stop()
if shown:
    show_decode_steps(shown, rows)
    st.subheader("Two selections on one chart")
    panels.show_evidence(*reversed(selection.options(shown, "evidence")))
    show_comparison(shown)
if shown_others:
    show_others(shown_others)
show_import()
st.markdown(
    "**What a record says.** What was asked, which kernel ran, on which device, with raw samples, "
    "torch version and commit; medians and quartiles are computed when it is read. Speed is that "
    "against the MHA of the same run. **Limits.** An imported record is its sender's word: its "
    "numbers are held against the formula and against each other, its times cannot be."
)
st.success(f"**Answer from the records shown.** {sharing_sentence(shown)}")
