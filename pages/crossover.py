"""From which context does sharing pay, and what hides it below? (measured)"""

import streamlit as st

from dashboard.controls.measurement import decode_controls
from dashboard.data.crossover import work_ratio
from dashboard.shell.page import open_page
from dashboard.views.crossover import found_rows, show_answer, show_crossovers
from dashboard.views.device import show_device
from dashboard.views.run_panel import show_command, show_run

open_page(
    "From which context sharing pays",
    "The lecture: “The goal of GQA is to reduce the memory needed for the KV cache without losing "
    "too much performance.” A step also reads weights: from which context on is a smaller cache "
    "faster here?",
)
settings = decode_controls()
device = show_device()
held, _ = show_run(
    settings.search_arguments,
    f"Searches up to {settings.context_len} tokens: doublings, then up to three contexts between.",
)
rows = found_rows(settings, device, held)
show_crossovers(settings, rows)
st.markdown(
    "**Why a well-known tutorial saw the opposite.** Its GPT (width 768, 24 heads, 12 layers, one "
    "user) generated 32,768 tokens at 72 tokens/s with MHA, 63 with "
    "[GQA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/04_gqa) and 67 with "
    "[MLA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/05_mla), on a GPU that is not "
    "named (published).\n"
    "* A token took 14 ms. MHA's cache, at its longest, is 2 x 768 x 12 layers x 2 B x 32,768 = "
    "1.21 GB, which 1 TB/s read in 1.2 ms (formula): most of a step was not the cache.\n"
    "* Its GQA copies K and V to every head before attending (`repeat_interleave`), and its MLA "
    "unfolds the latents of all past tokens at every step (published code): the cache is small, "
    "what is read is not. Here one read of a shared K and V serves all their queries, and absorbed "
    "MLA attends over the latents themselves.\n"
    f"* Absorbed MLA still computes {work_ratio(settings):.3g}x as much as MHA for each cached "
    "token and head, (c + r + c) / 2d with these sliders (formula): it wins where bytes cost more "
    "than FLOP. Naive MLA caches more than MHA, so its cache never makes it faster.\n"
    "* To try it here: 24 query heads, 4 K/V heads, width 32, and the kernel `eager`, which copies "
    "K and V as the tutorial does; then the kernel `auto`."
)
st.markdown(
    "**What is measured.** Ordinary decode steps, as on the page Decode, 9 samples each: MHA and "
    "the variants side by side at each context. A variant *wins* where its third quartile lies "
    "below MHA's first, and crosses over at the shortest context from which on it wins at every "
    "longer one that was measured. A search has at most 12 contexts. Faint points decide nothing: "
    "the bandwidth probed beside them, or a spread over half the median, tells of other work. "
    "**Limits.** A crossover is known to the bracket of two measured contexts and belongs to this "
    "machine, these layers and this kernel. Feed-forward and vocabulary, which no variant changes, "
    "are not in the step: with them the ratios lie nearer to one."
)
show_answer(rows)
show_command(settings.search_arguments)
