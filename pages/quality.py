"""Quality: what does sharing K/V heads cost, and how much does uptraining recover? (measured)"""

import streamlit as st

from dashboard.controls.quality import quality_controls
from dashboard.report.quality_sentences import METHOD
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views import quality
from dashboard.views.head_diversity import show_head_diversity
from dashboard.views.published_ratios import show_choices
from dashboard.views.run_panel import refusal, run_command, show_run

open_page("What sharing heads costs")
settings = quality_controls()
top = st.container()  # filled last: a run brings records
live_records, is_running = show_run(
    settings.arguments,
    "Shares the heads of a small trained model and continues its training, on this machine's CPU. "
    "Results that are already in the log are not measured again.",
    settings.estimate_s,
)
can_run = not (is_running or refusal(settings.arguments))
records = quality.loss_records(live_records)
with top:
    quality.show_losses(settings, records)
quality.show_what_is_missing(settings, records, can_run=can_run)
with st.expander("Do heads see different things?"):
    if st.toggle("Inspect the heads (starts torch, takes a few seconds)", key="look_into_heads"):
        show_head_diversity()
show_choices()
quality.show_grid(records)
quality.show_published()
panels.show_method(METHOD, run_command(settings.arguments))
