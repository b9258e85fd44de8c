"""The page Why a cache: what does a KV cache save, and what does it cost? (measured)"""

import streamlit as st

from dashboard.controls.generation import generation_controls
from dashboard.shell.page import open_page
from dashboard.views.device import show_device
from dashboard.views.generation import (
    generation_records,
    show_answer,
    show_generation,
    show_growth,
)
from dashboard.views.run_panel import show_command, show_run

open_page("Why a cache at all")
settings = generation_controls()
device = show_device(n_threads=1)
live_records, _ = show_run(
    settings.arguments,
    f"Generates {settings.context_len} tokens with and without a cache, then grows caches by "
    "three policies.",
)
records = generation_records(settings, device, live_records)
show_generation(settings, records)
st.markdown(
    "**Which of these the lecture means.** For *attention*, linear and quadratic describe **one "
    "step** at token n: one query over n tokens with the cache, n queries without. All n steps "
    "together grow as n² with the cache and n³ without. For the *projections*, they describe the "
    "**total** over n tokens; with the cache, one step costs the same at every n. "
    "The price is memory: the cache grows by the same number of bytes with every token."
)
st.header("How a cache can grow")
show_growth(records)
st.markdown(
    "*Concatenate* copies all old tokens for every new one. Its peak contains the old copy, the "
    "new copy, and freed copies that the allocator has not returned yet. *Preallocate* reserves "
    "the longest length at once: every append costs the same, but a short sequence wastes most of "
    "the memory. *Paged* adds a block of slots when the last one is full, and wastes less than one "
    "block. Waste is the largest number of bytes reserved beyond the tokens stored."
)
st.markdown(
    "**What is measured.** A small model of attention layers with residuals. Every head has its "
    "own K and V; weights are random float32. It runs in a child process, on one CPU thread or the "
    "accelerator. There are no feed-forward layers and no vocabulary: the next token's vector is "
    "the last output, normalised. Markers are medians of repeated steps, bars the interquartile "
    "range. Totals are the sum of all steps, each run once.\n\n"
    "**Fit.** Least squares of log time against log n over the upper half of the lengths on the "
    "log axis; the standard error comes from the scatter around the line. At short lengths the "
    "fixed cost of a call hides the power, most of all with the cache, which is therefore measured "
    "at longer lengths too. Where the data of a step outgrow the processor's caches, the fit is "
    "steeper.\n\n"
    "**Limits.** Appends are timed without the attention that reads them: paged blocks need a "
    "kernel that reads through a page table."
)
show_answer(settings, records)
show_command(settings.arguments)
