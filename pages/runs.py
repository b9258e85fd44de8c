"""Runs: do all measurements in the log, made here and elsewhere, agree? (measured)"""

import streamlit as st

from dashboard.controls.log_filters import filter_controls, sample_control
from dashboard.report.log_sentences import sharing_sentence
from dashboard.report.runs_method import METHOD
from dashboard.shell import loaders, panels
from dashboard.shell.log import read_log
from dashboard.shell.page import open_page
from dashboard.shell.samples import show_sample_warnings
from dashboard.views.log import show_counts, show_decode_steps, show_other_records, with_samples
from dashboard.views.log_comparison import show_comparison
from dashboard.views.record_import import show_import

open_page("Runs, kept and compared")
show_sample_warnings()
rows, other_rows = read_log(lambda: (loaders.logged_rows(), loaders.logged_others()), ((), ()))
is_empty = not rows and not other_rows
if sample_control(is_empty=is_empty, has_samples=bool(loaders.sample_records())):
    rows, other_rows = with_samples(rows, other_rows)
if not rows and not other_rows:
    st.info(
        "The log is empty, and no sample runs can be shown. Measure something on the page "
        "**Decode**, or import the records of another machine below."
    )
    show_import()
    st.stop()
shown, other_shown = filter_controls(rows, other_rows)
if not shown and not other_shown:
    st.info("No record passes these filters. Remove a value from one of them.")
    show_import()
    st.stop()
empty = "The log is empty: these are the sample runs. " if is_empty else ""
panels.show_answer(f"{empty}{sharing_sentence(shown)}")
show_counts([*shown, *other_shown], [*rows, *other_rows])
if shown:
    show_comparison(shown)
    show_decode_steps(shown, rows)
if other_shown:
    show_other_records(other_shown)
show_import()
panels.show_method(METHOD)
