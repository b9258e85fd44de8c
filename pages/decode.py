"""Decode: how long one step takes, from which context sharing pays, and what bounds it."""

from dataclasses import replace

import streamlit as st

from dashboard.controls.decode_view import BOUND, FASTER, shown_control, view_control
from dashboard.controls.measurement import decode_controls_with
from dashboard.data.decode_view import DecodeSources
from dashboard.report.decode_method import bound_method, crossover_method, time_method
from dashboard.shell import loaders, panels
from dashboard.shell.page import open_page
from dashboard.shell.samples import show_sample_warnings
from dashboard.views.crossover import quantity_control, show_crossovers
from dashboard.views.decode_results import own_rows, show_times
from dashboard.views.roofline import roofs_control, show_bound
from dashboard.views.run_panel import current_run, run_command, show_progress, show_run_bar

open_page("How long one decode step takes")
top, bar = st.container(), st.container(horizontal=True, vertical_alignment="center")
with bar:
    view = view_control()
settings, (quantity, gpus) = decode_controls_with(
    lambda settings: (
        settings,
        (
            quantity_control() if view == FASTER else "step",
            roofs_control() if view == BOUND else [],
        ),
    )
)
is_search = view == FASTER
arguments = settings.search_arguments if is_search else settings.arguments
estimate_s = settings.search_estimate_s if is_search else settings.estimate_s
run = current_run()
if run is not None:
    with top:
        show_progress(run, estimate_s)
show_sample_warnings()
own, sample = own_rows(settings, run.records if run else ()), loaders.sample_rows()
sources = DecodeSources(
    settings=settings, own=own, sample=sample, is_running=run is not None and run.is_active
)
sources = replace(sources, shown=shown_control(has_both=sources.has_both))
if view == FASTER:
    show_crossovers(sources, quantity, top)
    method = crossover_method(settings)
elif view == BOUND:
    show_bound(sources, gpus, top)
    method = bound_method(gpus)
else:
    show_times(sources, top)
    method = time_method()
show_run_bar(bar, arguments, settings.describe_run(is_search=is_search), estimate_s)
panels.show_method(method, run_command(arguments))
