"""Several GPUs: what each keeps of a layer, which bytes are copies, and what goes on the wire."""

import streamlit as st

from dashboard.controls.several_gpus import several_gpus_controls
from dashboard.report.several_gpus_sentences import METHOD
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.run_panel import current_run, show_progress
from dashboard.views.several_gpus import show_formulas
from dashboard.views.several_ranks import (
    most_own_ranks,
    show_cluster_commands,
    show_measured,
    show_ranks_bar,
)

open_page("What each of several GPUs keeps")
settings = several_gpus_controls()
top, bar = st.container(), st.container(horizontal=True, vertical_alignment="center")
run = current_run()
if run is not None:
    with top:
        show_progress(run, settings.estimate_s)
pointer = show_formulas(settings, top)
measured = st.container()
own_ranks = most_own_ranks()
with measured:
    show_measured(settings, run.records if run else (), own_ranks, pointer)
show_ranks_bar(bar, settings, own_ranks)
show_cluster_commands(settings)
panels.show_method(METHOD)
