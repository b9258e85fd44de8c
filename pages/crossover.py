"""Crossover: from which context on does sharing pay, and what hides it below? (measured)"""

import streamlit as st

from dashboard.controls.measurement import decode_controls
from dashboard.data.crossover import N_INITIAL_CONTEXTS, work_ratio
from dashboard.shell.page import open_page
from dashboard.views.crossover import search_rows, show_answer, show_crossovers
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page("From which context sharing pays")
settings = decode_controls()
device = show_device()
live_records, _ = show_run(
    settings.search_arguments,
    f"Measures contexts up to {settings.context_len} tokens, then some between the closest two.",
)
rows = search_rows(settings, device, live_records)
show_crossovers(settings, rows)
st.markdown(
    "**Why a well-known tutorial found the opposite.** Its GPT (width 768, 24 heads, 12 layers, "
    "one user) generated 32,768 tokens at 72 tokens/s with MHA, 63 with "
    "[GQA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/04_gqa) and 67 with "
    "[MLA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/05_mla), on a GPU that is not "
    "named (published).\n"
    "* A token took 14 ms. At its longest, MHA's cache is 2 x 768 x 12 layers x 2 B x 32,768 = "
    "1.21 GB, which a GPU with 1 TB/s reads in 1.2 ms (formula). Most of the step was not the "
    "cache.\n"
    "* Its GQA copies K and V to every head before attending (`repeat_interleave`). Its MLA "
    "expands the latents of all past tokens in every step (published code). The cache is small, "
    "but what is read is not. Here, one read of a shared K and V serves all of its queries, and "
    "absorbed MLA attends over the latents themselves.\n"
    f"* Absorbed MLA still computes {work_ratio(settings):.3g}x as much as MHA for each cached "
    "token and head, (c + r + c) / 2d with these sliders (formula). It wins where bytes cost more "
    "than FLOP. Naive MLA caches more than MHA, so its cache never makes it faster.\n"
    "* Try it: 24 query heads, 4 K/V heads, width 32, first with the kernel `eager`, which copies "
    "K and V like the tutorial, then with `auto`."
)
st.markdown(
    "**What is measured.** Decode steps, as on the page **Decode**: MHA and the variants in turns "
    "at every context. A variant *wins* if the interval of its 5th percentile lies below MHA's. "
    "Its crossover is the shortest context from which it wins at every longer context measured. "
    f"A search measures {N_INITIAL_CONTEXTS} contexts, then a few more between the last context "
    "without a win and the first with one. Faint points do not count: their samples are unusable, "
    "since other programs were running.\n\n"
    "**Limits.** A crossover is only known to lie between two measured contexts. It belongs to "
    "this machine, these layers and this kernel. Feed-forward layers and the vocabulary, which are "
    "the same for every variant, are not part of the step; with them the ratios are closer to 1."
)
show_answer(rows)
show_command(settings.search_arguments)
