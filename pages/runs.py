"""Runs: do all measurements in the log, made here and elsewhere, agree? (measured)"""

from functools import partial

import streamlit as st

from dashboard.controls.log_filters import filter_controls, sample_control
from dashboard.report.log_sentences import sharing_sentence
from dashboard.report.runs_method import METHOD
from dashboard.shell import loaders, panels
from dashboard.shell.page import open_page
from dashboard.shell.samples import show_sample_warnings
from dashboard.views.log import show_decode_steps, show_other_records
from dashboard.views.log_comparison import show_comparison
from dashboard.views.machines import show_machines
from dashboard.views.record_import import show_import
from dashboard.views.shown_runs import Samples, ShownRuns, filter_options, n_logged, samples
from dashboard.views.whose_records import empty_sentence, show_lifetime

open_page("Runs, kept and compared")
show_sample_warnings()
n_records = n_logged()
is_empty = not n_records
if sample_control(is_empty=is_empty, has_samples=bool(loaders.sample_records())):
    added = samples()
else:
    added = Samples()
n_all = (n_records or 0) + added.n_records
empty = empty_sentence(n_records)
if not n_all:
    st.info(
        f"{f'{empty}, and no' if empty else 'No'} sample runs can be shown. Measure something on "
        "the page **Decode**, or import the records of another machine below."
    )
    show_import()
    st.stop()
options = partial(filter_options, samples=added, is_empty=is_empty)
shown = ShownRuns.from_filter(filter_controls(options), added, is_empty=is_empty)
if not shown.n_decode and not shown.n_other_kinds:
    st.info("No record passes these filters. Remove a value from one of them.")
    show_import()
    st.stop()
source = f"{empty}: these are the sample runs. " if empty else ""
panels.show_answer(f"{source}{sharing_sentence(shown.pairs())}")
panels.show_strip(shown.metrics(n_all))
show_lifetime()
if shown.n_decode:
    show_comparison(shown)
    show_machines(shown)
    show_decode_steps(shown)
if shown.n_other_kinds:
    show_other_records(shown)
show_import()
panels.show_method(METHOD)
