"""What does a cache buy at all? (measured)"""

import streamlit as st

from dashboard.controls.generation import generation_controls
from dashboard.shell.page import open_page
from dashboard.views.device import show_device
from dashboard.views.generation import (
    found_records,
    show_answer,
    show_generation,
    show_growth,
)
from dashboard.views.run_panel import show_command, show_run

open_page(
    "Why a cache at all",
    "The lecture: “This makes the computation time increase linearly, which is much better than "
    "quadratically (without caching).” Which time is linear, which quadratic, and at what price?",
)
settings = generation_controls()
device = show_device(n_threads=1)
held, _ = show_run(
    settings.arguments,
    f"Generates {settings.context_len} tokens both ways, then grows the cache by three policies.",
)
records = found_records(settings, device, held)
show_generation(settings, records)
st.markdown(
    "**Which of these the lecture means.** For *attention*, linear and quadratic are **one step** "
    "at token n: one query over n tokens with the cache, n queries without. All n steps together "
    "grow as n² with it and n³ without. For the *projections*, linear and quadratic are the "
    "**total** over n tokens; one step costs the same at every n with the cache. "
    "The price is memory: the cache grows by the same bytes with every token."
)
st.header("How a cache can grow")
show_growth(records)
st.markdown(
    "*Concatenate* copies all old tokens at every new one; its peak holds the old copy, the new "
    "one, and freed ones that the allocator has yet to give back. *Preallocate* takes the longest "
    "length at once: appends cost the same throughout, and a short sequence wastes most of it. "
    "*Paged* takes a block of slots when the last is full, and wastes less than one block. "
    "Waste is slots held beyond the tokens in them, at its worst."
)
st.markdown(
    "**What is measured.** A small model of attention layers with residuals, each head with its "
    "own K and V, random weights, float32, on one CPU thread or the accelerator, in a process of "
    "its own: no feed-forward and no vocabulary, the next token's vector is the last output, "
    "normalised. Markers are medians of the step repeated, bars the interquartile range; "
    "totals are the sum of all steps, each taken once. "
    "**Fit.** Least squares of log time against log n over the upper half of the lengths on the "
    "log axis, the error from the scatter around the line; at short lengths the fixed cost of a "
    "call hides the power, most of all with the cache, which therefore goes on to longer ones. "
    "Where what a step reads outgrows the processor's own caches on the way, the fit is steeper. "
    "**Limits.** Appends are timed without the attention that reads them: paged blocks need a "
    "kernel that reads through a table."
)
show_answer(settings, records)
show_command(settings.arguments)
