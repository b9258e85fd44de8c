"""Same result: do all variants, forms and kernels compute the same attention? (measured)"""

import streamlit as st

from dashboard.controls.measurement import verify_controls
from dashboard.report.verification import METHOD
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.comparisons import compared_records, show_comparisons
from dashboard.views.run_panel import current_run, run_command, show_progress, show_run_bar

open_page("The same attention, computed twice")
settings = verify_controls()
top, bar = st.container(), st.container(horizontal=True, vertical_alignment="center")
run = current_run()
if run is not None:
    with top:
        show_progress(run, settings.estimate_s)
compared = compared_records(settings, run.records if run else ())
show_comparisons(settings, compared, top, is_running=run is not None and run.is_active)
show_run_bar(
    bar,
    settings.arguments,
    "makes every comparison, each in its own process",
    settings.estimate_s,
)
panels.show_method(METHOD, run_command(settings.arguments))
