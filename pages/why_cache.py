"""The page Why a cache: what does a KV cache save, and what does it cost? Counted, then timed."""

import streamlit as st

from dashboard.controls.generation import generation_controls
from dashboard.report.guesses import price_guess
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.device import show_device
from dashboard.views.generation import show_growth, show_measured, show_work, shown_records
from dashboard.views.guess import show_guess
from dashboard.views.run_panel import run_command, show_run

open_page("Why a cache at all")
settings = generation_controls()
shown = shown_records(settings)
show_work(settings, shown)
show_guess(price_guess())
show_measured(shown)
st.subheader("Run on this machine")
show_device(n_threads=1)
show_run(
    settings.arguments,
    f"Generates {settings.context_len} tokens with and without a cache, then grows caches by "
    "three policies.",
    settings.estimate_s,
)
st.subheader("How a cache can grow")
show_growth(shown)
panels.show_method(
    "**Score cells.** One cell is the product of one query with one key, of one head. With a "
    "cache, step n has one query over n keys: n cells. Without one, it computes the queries and "
    "keys of all n tokens again: n (n + 1) / 2 cells. The factor that joins the axes of cells and "
    "seconds comes from the longest measured step without a cache.\n\n"
    "**Which of these the lecture means.** For *attention*, linear and quadratic describe **one "
    "step** at token n. All n steps together grow as n² with the cache and n³ without. For the "
    "*projections*, they describe the **total** over n tokens; with the cache, one step costs the "
    "same at every n.\n\n"
    "**Growing.** *Concatenate* copies all old tokens for every new one; its peak contains the old "
    "copy, the new copy, and freed copies that the allocator has not returned yet. *Preallocate* "
    "reserves the longest length at once: every append costs the same, but a short sequence wastes "
    "most of the memory. *Paged* adds a block of slots when the last one is full, and wastes less "
    "than one block. Waste is the largest number of bytes reserved beyond the tokens stored.\n\n"
    "**What is measured.** A small model of attention layers with residuals. Every head has its "
    "own K and V; weights are random float32. It runs in a child process, on one CPU thread or the "
    "accelerator. There are no feed-forward layers and no vocabulary: the next token's vector is "
    "the last output, normalised. Markers are medians of repeated steps, bars the interquartile "
    "range. Totals are the sum of all steps, each run once.\n\n"
    "**Fit.** Least squares of log time against log n over the upper half of the lengths on the "
    "log axis; the standard error comes from the scatter around the line. At short lengths the "
    "fixed cost of a call hides the power, most of all with the cache, which is therefore measured "
    "at longer lengths too. Where the data of a step outgrow the processor's caches, the fit is "
    "steeper. No fit is part of the answer.\n\n"
    "**Limits.** Appends are timed without the attention that reads them: paged blocks need a "
    "kernel that reads through a page table.",
    run_command(settings.arguments),
)
