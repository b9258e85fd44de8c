"""What does sharing K/V heads cost in quality, and what does training on buy back? (measured)"""

import streamlit as st

from dashboard.controls.quality import quality_controls
from dashboard.shell.page import open_page
from dashboard.views.head_diversity import show_head_diversity
from dashboard.views.quality import (
    found_quality,
    show_answer,
    show_grid,
    show_losses,
    show_published,
)
from dashboard.views.run_panel import show_command, show_run

open_page(
    "What sharing heads costs",
    "The lecture: “When all heads see the same K and V, the model cannot capture many different "
    "perspectives. This leads to significant performance degradation.” How much is lost, and how "
    "much does a little training buy back?",
)
settings = quality_controls()
held, is_running = show_run(
    settings.arguments,
    "Shares the heads of a small trained model and trains on, on this machine's CPU; what the log "
    "holds already is not run again.",
)
measured = found_quality(held)
show_losses(settings, measured, is_running=is_running)
show_answer(settings, measured)
show_command(settings.arguments)
st.header("The whole grid, measured elsewhere")
show_grid(measured)
st.header("What others published")
show_published()
st.caption(
    "Each table is one family of models: compare within a table only. No published row ranks GQA "
    "against MLA; both are compared with MHA, in different models."
)
st.markdown(
    "**What is measured.** A decoder of bytes with 8 query heads and 4 layers, trained on the "
    "topics of Python's own manual with a K and V for every head. Its K/V heads are then shared "
    "down to 4, 2 and 1, and it is trained on (*uptraining*) for a share of the steps; the loss is "
    "that of the next byte on topics it has never seen. MHA is trained on for as many steps: they "
    "go at a constant rate, above the one that training ended with, and that alone moves a loss. "
    "Marks are medians over seeds, bars reach from the least to the most; the cache is that of one "
    "sequence of 128 tokens in float32.\n\n"
    "**Source.** GQA paper, arXiv:2305.13245, section 2.\n\n"
    "**What a toy can show.** That sharing heads a model was trained with does damage, that the "
    "damage depends on how many share, and that a few steps repair much of it.\n\n"
    "**What it cannot.** How large the loss is in a large model, what it does to tasks, or how "
    "far apart MHA, GQA and MQA are there: four layers and a few hundred kilobytes of one text "
    "settle nothing about it. Losses belong to a text: those of two Python releases do not compare."
)
st.header("Do heads see different things?")
if st.toggle("Look into the heads (starts torch, a few seconds)", key="look_into_heads"):
    show_head_diversity()
